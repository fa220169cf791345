//! Optional parameters in queries, as clients write them.

use std::str::FromStr;

use serde::de::value::StringDeserializer;
use serde::de::{Deserialize, Deserializer, Error, IntoDeserializer};
use webchat_domain::Integer;

use crate::error::api_error::ApiError;

/// What clients write for a value that they don't have, in JavaScript, Java, Python, Ruby and Swift.
const ABSENT: [&str; 5] = ["", "null", "undefined", "none", "nil"];

/// Returns whether the client has no value.
pub(crate) fn is_absent(value: &str) -> bool {
    ABSENT.iter().any(|absent| absent.eq_ignore_ascii_case(value.trim()))
}

/// Deserializes a string.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text: Option<String> = Option::deserialize(deserializer)?;
    Ok(text.filter(|text| !is_absent(text)))
}

/// Deserializes an integer.
pub(crate) fn integer<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<i128>,
{
    let Some(text) = text(deserializer)? else { return Ok(None) };
    let Integer(number) = text.trim().parse().map_err(Error::custom)?;
    Ok(Some(number))
}

/// Deserializes a truth value, which Python writes as `True`, and others as `1`.
pub(crate) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    let Some(text) = text(deserializer)? else { return Ok(None) };
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" => Ok(Some(true)),
        "false" | "0" => Ok(Some(false)),
        _ => Err(Error::custom("expected `true` or `false`")),
    }
}

/// Deserializes one of several names, in any case.
pub(crate) fn name<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(optional_name(deserializer)?.unwrap_or_default())
}

/// Deserializes one of several names, in any case, that has no default.
pub(crate) fn optional_name<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let Some(text) = text(deserializer)? else { return Ok(None) };
    let name: StringDeserializer<D::Error> = text.trim().to_ascii_lowercase().into_deserializer();
    T::deserialize(name).map(Some)
}

/// Parses the cursor of a page, if there is one.
///
/// # Errors
/// [`ApiError::InvalidRequest`].
pub(crate) fn parse_cursor<T: FromStr>(text: Option<&str>) -> Result<Option<T>, ApiError> {
    let cursor = text.filter(|text| !text.is_empty()).map(str::parse).transpose();
    cursor.map_err(|_| ApiError::InvalidRequest("The cursor is invalid.".to_owned()))
}

/// Splits what was read for a page of `limit` items, with one more if there is another page. Returns the page, and the
/// cursor of its last item if there is another one.
pub(crate) fn split_page<T, C>(
    mut items: Vec<T>,
    limit: u32,
    cursor_of: impl FnOnce(&T) -> C,
) -> (Vec<T>, Option<C>) {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = items.len() > limit;
    items.truncate(limit);
    let next_cursor = items.last().filter(|_| has_more).map(cursor_of);
    (items, next_cursor)
}

/// Returns the requested page size, or `default` if none was requested.
///
/// # Errors
/// [`ApiError::InvalidRequest`] if the size is 0 or more than `max`.
pub(crate) fn page_size(requested: Option<u32>, default: u32, max: u32) -> Result<u32, ApiError> {
    let size = requested.unwrap_or(default);
    if (1..=max).contains(&size) {
        return Ok(size);
    }
    Err(ApiError::InvalidRequest(format!("`limit` must be between 1 and {max}.")))
}
