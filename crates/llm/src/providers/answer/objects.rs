//! The JSON objects in an event of an answer, and the errors that upstreams send in them.

use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::json::object::{Object, object};

/// Returns the objects of an event with their texts: the only one, or those of a list. Data that is neither has none:
/// some upstreams keep the connection alive with a word.
///
/// # Errors
/// When an object or a list is invalid.
pub(crate) fn objects<'a>(data: &'a str) -> Result<Vec<(&'a str, Object<'a>)>, serde_json::Error> {
    let mut data = data.trim();
    // Some proxies encode the lines of the stream as events again.
    while let Some(rest) = data.strip_prefix("data:") {
        data = rest.trim_start();
    }
    if !data.starts_with(['{', '[']) {
        return Ok(Vec::new());
    }
    if data.starts_with('{') {
        return match Object::parse(data) {
            Ok(fields) => Ok(vec![(data, fields)]),
            // JSON whose names are no valid text says nothing.
            Err(_) if serde_json::from_str::<IgnoredAny>(data).is_ok() => Ok(Vec::new()),
            Err(error) => Err(error),
        };
    }
    let items: Vec<&RawValue> = serde_json::from_str(data)?;
    let fields = |item: &'a RawValue| Some((item.get(), object(item)?));
    Ok(items.into_iter().filter_map(fields).collect())
}

/// Returns the error that the upstream sent instead of a part of the answer, if it did: mostly in `error` or another of
/// these values, `MiniMax` in `base_resp`, but older versions of vLLM, `FastAPI` and some gateways send it without
/// wrapping it. `data` is the text of the fields.
pub(crate) fn sent_error<'a>(
    data: &'a str,
    fields: &Object<'a>,
    others: &[Option<&'a RawValue>],
    has_answer: bool,
) -> Option<&'a str> {
    let mut errors = [fields.get("error")].into_iter().chain(others.iter().copied()).flatten();
    if let Some(error) = errors.find(|error| !is_blank_error(error)) {
        return Some(error.get());
    }
    let kinds = ["object", "type"].into_iter().filter_map(|name| fields.text(name));
    let is_marked = kinds.map(|kind| kind.to_lowercase()).any(|kind| kind.contains("error"));
    let has = |name| fields.get(name).is_some();
    let is_success = |code: &RawValue| matches!(code.get(), "0" | "200" | "\"0\"" | "\"200\"");
    let codes = ["code", "status"].into_iter().filter_map(|name| fields.get(name));
    let has_error_code = codes.filter(|code| !is_success(code)).count() > 0;
    let is_bare = has("detail") || has("message") && has_error_code;
    let base_response = fields.object("base_resp");
    let is_failed = base_response
        .and_then(|response| response.count("status_code"))
        .is_some_and(|code| code != 0);
    (is_marked || is_failed || is_bare && !has_answer).then_some(data)
}

/// Returns whether an error says that there is none. Some gateways send it in each chunk.
fn is_blank_error(error: &RawValue) -> bool {
    serde_json::from_str(error.get()).is_ok_and(|error| says_nothing(&error))
}

/// Recursion is bounded by the JSON parser's depth limit.
fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => {
            matches!(text.trim().to_lowercase().as_str(), "" | "0" | "none" | "null")
        }
        Value::Array(items) => items.iter().all(says_nothing),
        Value::Object(fields) => fields.values().all(says_nothing),
    }
}
