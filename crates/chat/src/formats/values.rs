//! Reads ids, texts and times that other applications write in different types.

use serde_json::Value;
use webchat_domain::{Timestamp, Title};

use super::ids;

/// The maximum size of a single id in bytes.
const MAX_ID_BYTES: usize = 1024;

/// Times after this number are milliseconds, and not seconds: the year 5138, or 1973.
const MIN_MILLIS: f64 = 1e11;
/// Times after this number are microseconds.
const MIN_MICROS: f64 = 1e14;
/// Times after this number are nanoseconds.
const MIN_NANOS: f64 = 1e17;

/// The last second of the year 9999.
const LAST_SECOND: f64 = 253_402_300_799.0;

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
    let text = text(value)?;
    text.strip_suffix(".0").unwrap_or(&text).trim().parse().ok()
}

/// Returns the text as a title, shortened if it is too long.
pub(super) fn title(text: &str) -> Option<Title> {
    Title::try_from(text.to_owned()).ok().or_else(|| Title::from_first_words(text))
}

/// Returns the time of Unix seconds, milliseconds, microseconds or nanoseconds, or of an ISO 8601 text. Returns `None`
/// for a time outside the years 1970 to 9999.
pub(super) fn time(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Number(number) => from_number(number.as_f64()?),
        Value::String(text) => {
            let text = text.trim();
            text.parse().ok().and_then(from_number).or_else(|| from_text(text))
        }
        Value::Object(_) => {
            let inner = value.get("$date").or_else(|| value.get("$numberLong"))?;
            time(inner)
        }
        _ => None,
    }
}

fn from_number(number: f64) -> Option<Timestamp> {
    let seconds = match number {
        _ if number >= MIN_NANOS => number / 1e9,
        _ if number >= MIN_MICROS => number / 1e6,
        _ if number >= MIN_MILLIS => number / 1e3,
        seconds => seconds,
    };
    if !(0.0..=LAST_SECOND).contains(&seconds) {
        return None;
    }
    let millis = std::time::Duration::try_from_secs_f64(seconds).ok()?.as_millis();
    Some(Timestamp::from_unix_millis(i64::try_from(millis).ok()?))
}

/// Parses the forms of ISO 8601 that JavaScript and Python write. A time without a zone is UTC.
fn from_text(text: &str) -> Option<Timestamp> {
    let mut text = text.replacen(' ', "T", 1);
    if text.len() == 10 {
        text.push_str("T00:00:00");
    }
    let text = text.replace(" UTC", "Z").replace(' ', "");
    let parse = |text: &str| serde_json::from_value::<Timestamp>(text.into()).ok();
    let parsed = parse(&text).or_else(|| parse(&format!("{text}Z"))).or_else(|| {
        // Python writes zones without a colon.
        let (start, minutes) = text.split_at_checked(text.len().checked_sub(2)?)?;
        parse(&format!("{start}:{minutes}"))
    });
    parsed.filter(|time| time.unix_millis() >= 0)
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
            json!("2026-01-02T03:04:05Z"),
            json!("2026-01-02 03:04:05"),
            json!("2026-01-02T04:04:05+01:00"),
            json!("2026-01-02T04:04:05+0100"),
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
