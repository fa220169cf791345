//! Reads the columns of a row in the order of the query.

use std::error::Error;
use std::str::FromStr;

use rusqlite::Row;
use rusqlite::types::{FromSql, Type, ValueRef};
use webchat_domain::{Problem, Timestamp};
use webchat_persistence::rules::StoredName;

/// The columns of a row that have not been read yet. They are read in order, because looking up a column by name
/// compares names for each row.
pub(crate) struct Columns<'row> {
    row: &'row Row<'row>,
    next: usize,
}

/// Returns a function that reads a row with this reader, which must read all columns.
pub(crate) fn read<T>(
    reader: impl Fn(&mut Columns<'_>) -> rusqlite::Result<T>,
) -> impl Fn(&Row<'_>) -> rusqlite::Result<T> {
    move |row| {
        let mut columns = Columns::of(row);
        let value = reader(&mut columns)?;
        debug_assert_eq!(columns.next, row.as_ref().column_count(), "not all columns were read");
        Ok(value)
    }
}

impl<'row> Columns<'row> {
    pub(crate) fn of(row: &'row Row<'row>) -> Self {
        Self { row, next: 0 }
    }

    pub(crate) fn value<T: FromSql>(&mut self) -> rusqlite::Result<T> {
        let index = self.next_index();
        self.row.get(index)
    }

    pub(crate) fn text(&mut self) -> rusqlite::Result<&'row str> {
        Ok(self.value_ref()?.as_str()?)
    }

    pub(crate) fn text_option(&mut self) -> rusqlite::Result<Option<&'row str>> {
        Ok(self.value_ref()?.as_str_or_null()?)
    }

    pub(crate) fn parsed<T>(&mut self) -> rusqlite::Result<T>
    where
        T: FromStr<Err: Error + Send + Sync + 'static>,
    {
        self.text()?.parse().map_err(invalid)
    }

    pub(crate) fn parsed_option<T>(&mut self) -> rusqlite::Result<Option<T>>
    where
        T: FromStr<Err: Error + Send + Sync + 'static>,
    {
        self.text_option()?.map(|text| text.parse().map_err(invalid)).transpose()
    }

    pub(crate) fn timestamp(&mut self) -> rusqlite::Result<Timestamp> {
        self.value().map(Timestamp::from_unix_millis)
    }

    pub(crate) fn timestamp_option(&mut self) -> rusqlite::Result<Option<Timestamp>> {
        Ok(self.value::<Option<i64>>()?.map(Timestamp::from_unix_millis))
    }

    pub(crate) fn enum_value<T: StoredName>(&mut self) -> rusqlite::Result<T> {
        let index = self.next;
        let name = self.text()?;
        T::from_stored_name(name).ok_or_else(|| {
            let column = self.row.as_ref().column_name(index).unwrap_or_default();
            invalid(format!("'{name}' is not a {column}"))
        })
    }

    /// Reads the columns `error_message` and `error_code`: `None` if either is NULL.
    pub(crate) fn problem(&mut self) -> rusqlite::Result<Option<Problem>> {
        let (message, code) = (self.value::<Option<String>>()?, self.value::<Option<String>>()?);
        Ok(message.zip(code).map(|(message, code)| Problem { message, code }))
    }

    fn value_ref(&mut self) -> rusqlite::Result<ValueRef<'row>> {
        let index = self.next_index();
        self.row.get_ref(index)
    }

    fn next_index(&mut self) -> usize {
        let index = self.next;
        self.next += 1;
        index
    }
}

/// Returns the error for an invalid stored value.
pub(crate) fn invalid(cause: impl Into<Box<dyn Error + Send + Sync>>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Text, cause.into())
}
