//! Repairs what upstreams write instead of JSON.

use std::fmt::Write;

/// Returns the text with what JSON does not have replaced: values such as `NaN` and `-Infinity`, which Python writes
/// for probabilities, and `None`, by `null`; `True` and `False` by their names in JSON; control characters in strings
/// by their escapes; a comma after the last element by nothing.
pub(crate) fn repaired(text: &str) -> String {
    let mut repaired = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => string_length(rest),
            _ if is_in_word(first) => rest.find(|c| !is_in_word(c)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        match first {
            '"' => push_string(&mut repaired, token),
            _ if is_in_word(first) => repaired.push_str(json_word(token)),
            _ => push_mark(&mut repaired, first),
        }
        rest = after;
    }
    repaired
}

/// Returns whether numbers and names consist of such characters.
fn is_in_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || "+-._".contains(c)
}

/// Returns the length of the string at the beginning, with its quotes.
fn string_length(text: &str) -> usize {
    let mut is_escaped = false;
    let end = text.bytes().skip(1).position(|byte| {
        let is_end = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    });
    end.map_or(text.len(), |end| end + 2)
}

fn push_string(repaired: &mut String, string: &str) {
    for c in string.chars() {
        if c.is_ascii_control() {
            let _ = write!(repaired, "\\u{:04x}", u32::from(c));
        } else {
            repaired.push(c);
        }
    }
}

/// Adds a bracket or another character outside strings. A comma before a closing bracket is removed.
fn push_mark(repaired: &mut String, mark: char) {
    if matches!(mark, '}' | ']')
        && let Some(before) = repaired.trim_end().strip_suffix(',')
    {
        repaired.truncate(before.len());
    }
    repaired.push(mark);
}

fn json_word(word: &str) -> &str {
    let is_number = word.trim_start_matches(['+', '-']).starts_with(|c: char| c.is_ascii_digit());
    match word {
        "True" => "true",
        "False" => "false",
        "true" | "false" => word,
        _ if is_number => word,
        _ => "null",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn only_what_json_does_not_have_is_replaced() {
        for (text, expected) in [
            (r#"{"NaN": NaN, "a": [-Infinity,inf]}"#, r#"{"NaN": null, "a": [null,null]}"#),
            ("[True,False,None, true, null]", "[true,false,null, true, null]"),
            (r#"["NaN\\", NaN, "\"NaN"]"#, r#"["NaN\\", null, "\"NaN"]"#),
            ("{\"a\": [1,2, ],\n}", "{\"a\": [1,2]}"),
            ("[1e5,-2.5E+3, 0]", "[1e5,-2.5E+3, 0]"),
            ("{\n\"a\tb\n\": 1}", "{\n\"a\\u0009b\\u000a\": 1}"),
            ("[\"not closed", "[\"not closed"),
        ] {
            assert_eq!(repaired(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn valid_json_keeps_its_meaning(text in "\\PC{0,20}", number in any::<f64>(), flag in any::<bool>()) {
            let value = serde_json::json!({ (text.clone()): [text, number, flag, null] });

            let repaired: Value = serde_json::from_str(&repaired(&value.to_string())).unwrap();

            prop_assert_eq!(repaired, value);
        }

        #[test]
        fn no_text_causes_a_panic(text in "[\"\\\\a-z0-9+\\-\u{0}é{}]{0,30}") {
            repaired(&text);
        }
    }
}
