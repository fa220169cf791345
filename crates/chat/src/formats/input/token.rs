//! Judges values that are neither strings, lists nor objects.

use serde_json::Number;

/// The values of JavaScript and Python that JSON does not have.
const OTHER_VALUES: [&[u8]; 9] =
    [b"NaN", b"nan", b"Infinity", b"-Infinity", b"inf", b"undefined", b"None", b"True", b"False"];

/// Whether the value is valid JSON.
pub(super) fn is_json(token: &[u8]) -> bool {
    matches!(token, b"true" | b"false" | b"null") || serde_json::from_slice::<Number>(token).is_ok()
}

/// Whether nothing is lost if the value becomes `null` when it is not JSON.
pub(super) fn is_understood(token: &[u8]) -> bool {
    let is_number =
        token.first().is_some_and(|first| matches!(first, b'0'..=b'9' | b'+' | b'-' | b'.'));
    is_number || OTHER_VALUES.contains(&token) || is_json(token)
}
