//! Reads single columns.

use std::error::Error;
use std::str::FromStr;

use rusqlite::Row;
use rusqlite::types::Type;
use webchat_domain::{Problem, Timestamp};
use webchat_persistence::rules::StoredName;

pub(crate) fn timestamp(row: &Row<'_>, column: &str) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp::from_unix_millis)
}

pub(crate) fn timestamp_option(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_unix_millis))
}

pub(crate) fn parsed<T>(row: &Row<'_>, column: &str) -> rusqlite::Result<T>
where
    T: FromStr<Err: Error + Send + Sync + 'static>,
{
    row.get::<_, String>(column)?.parse().map_err(invalid)
}

pub(crate) fn parsed_option<T>(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<T>>
where
    T: FromStr<Err: Error + Send + Sync + 'static>,
{
    row.get::<_, Option<String>>(column)?.map(|text| text.parse().map_err(invalid)).transpose()
}

pub(crate) fn enum_value<T: StoredName>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    let name = row.get_ref(column)?.as_str()?;
    T::from_stored_name(name).ok_or_else(|| invalid(format!("'{name}' is not a {column}")))
}

/// Reads the problem in the columns `error_message` and `error_code`.
pub(crate) fn problem(row: &Row<'_>) -> rusqlite::Result<Option<Problem>> {
    let message: Option<String> = row.get("error_message")?;
    let code: Option<String> = row.get("error_code")?;
    Ok(message.zip(code).map(|(message, code)| Problem { message, code }))
}

/// Returns the error for an invalid stored value.
pub(crate) fn invalid(cause: impl Into<Box<dyn Error + Send + Sync>>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Text, cause.into())
}
