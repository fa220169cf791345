//! Reads ids, texts and times that other applications write in different types.

use serde_json::Value;
use webchat_domain::{Integer, Timestamp, Title};
use webchat_persistence::rules::{foreign_time, foreign_time_of_number};

use super::ids;

/// The maximum size of a single id in bytes.
const MAX_ID_BYTES: usize = 1024;

/// Returns an id. An id may be a string or a number, or an object of MongoDB.
pub(super) fn id(value: &Value) -> Option<Box<str>> {
    let text = text(value).filter(|text| !text.trim().is_empty())?;
    Some(bounded_id(&text))
}

/// Returns the id, or a hash of it if it is very long.
pub(super) fn bounded_id(id: &str) -> Box<str> {
    if id.len() <= MAX_ID_BYTES { id.into() } else { ids::parse_or_derive(id).to_string().into() }
}

/// Returns the text of a string, a number or a boolean.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(is_true) => Some(is_true.to_string()),
        _ => None,
    }
}

/// Returns the number of a non-negative integer, which may be written as a string or with a decimal point.
pub(super) fn whole_number(value: &Value) -> Option<u64> {
    let Integer(number) = text(value)?.trim().parse().ok()?;
    Some(number)
}

/// Returns the number of tokens, or 0 if it is missing or invalid.
pub(super) fn token_count(value: &Value) -> u32 {
    whole_number(value).and_then(|count| count.try_into().ok()).unwrap_or_default()
}

/// Returns the text as a title, shortened if it is too long.
pub(super) fn title(text: &str) -> Option<Title> {
    Title::try_from(text.to_owned()).ok().or_else(|| Title::from_first_words(text))
}

/// Returns the time of a number or a string, see [`foreign_time`].
pub(super) fn time(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Number(number) => foreign_time_of_number(number.as_f64()?),
        Value::String(text) => foreign_time(text),
        Value::Object(_) => {
            let inner = value.get("$date").or_else(|| value.get("$numberLong"))?;
            time(inner)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_are_read_in_all_forms() {
        for value in [
            json!(1_767_323_045),
            json!(1_767_323_045.0),
            json!("1767323045"),
            json!(1_767_323_045_000_u64),
            json!("1767323045000000"),
            json!(1_767_323_045_000_000_000_u64),
            json!("Fri, 02 Jan 2026 03:04:05 GMT"),
            json!({"$date": "2026-01-02T03:04:05Z"}),
            json!({"$date": {"$numberLong": "1767323045000"}}),
        ] {
            assert_eq!(
                time(&value).map(Timestamp::unix_millis),
                Some(1_767_323_045_000),
                "{value}"
            );
        }
        for value in [json!(-1), json!("NaN"), json!("soon"), json!(1e300), json!([1]), json!(null)]
        {
            assert_eq!(time(&value), None, "{value}");
        }
    }
}
