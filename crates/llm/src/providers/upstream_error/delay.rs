//! The delay that an error asks for in its body.

use std::time::Duration;

use serde_json::Value;
use webchat_domain::{Clock, SystemClock};

use crate::http::retry_after::{delay_until, parse_duration};

/// What precedes the delay in a message.
const PHRASES: [&str; 5] = ["try again in", "try again after", "retry in", "retry after", "wait"];

/// The maximum number of words of a delay: `1 minute and 30 seconds`.
const MAX_WORDS: usize = 5;

/// Returns the longest delay in the fields of an error, such as Google's `retryDelay`, and in its sentences.
/// Recursion is bounded by the JSON parser's depth limit.
pub(super) fn delay_in(error: &Value) -> Option<Duration> {
    match error {
        Value::Object(fields) => {
            let delay =
                |(name, value): (&String, _)| field_delay(name, value).or_else(|| delay_in(value));
            fields.iter().filter_map(delay).max()
        }
        Value::Array(items) => items.iter().filter_map(delay_in).max(),
        Value::String(text) => delay_in_text(text),
        _ => None,
    }
}

/// Returns the delay in the field, if that is its meaning.
fn field_delay(name: &str, value: &Value) -> Option<Duration> {
    let name = name.to_lowercase().replace(['_', '-'], "");
    let unit = match name.as_str() {
        "retrydelay" | "retryafter" | "retryafterseconds" | "retryafters" => "",
        "retryafterms" | "retrydelayms" | "retryaftermilliseconds" => "ms",
        // A header, which `OpenRouter` repeats in the body.
        "xratelimitreset" | "ratelimitreset" => {
            return delay_until(&text_of(value)?, SystemClock.now());
        }
        _ => return None,
    };
    parse_duration(&format!("{}{unit}", text_of(value)?))
}

/// Returns a number as text.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.trim().to_owned()),
        _ => None,
    }
}

/// Returns the delay in a message, as in `Please try again in 1m2.5s.` and `Please retry after 26 seconds.`.
pub(super) fn delay_in_text(text: &str) -> Option<Duration> {
    let text = text.to_lowercase();
    PHRASES.into_iter().flat_map(|phrase| text.match_indices(phrase)).find_map(|(start, phrase)| {
        let after = text.get(start + phrase.len()..)?;
        let words: Vec<_> = after.split_whitespace().take(MAX_WORDS).collect();
        (1..=words.len()).rev().find_map(|count| duration_of(words.get(..count)?))
    })
}

/// Returns the duration of these words, which must have a unit.
fn duration_of(words: &[&str]) -> Option<Duration> {
    let is_mark = |c: char| !c.is_alphanumeric();
    let words =
        words.iter().map(|word| word.trim_end_matches(is_mark)).filter(|word| *word != "and");
    let text: String = words.collect();
    text.ends_with(char::is_alphabetic).then(|| parse_duration(&text)).flatten()
}
