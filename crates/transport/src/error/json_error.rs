//! The texts of parse errors, without the quoted values, because these may be texts of users.

use crate::text::truncate;

/// The maximum length of a field name that an error repeats, in characters.
const MAX_NAME_CHARS: usize = 100;

/// Removes the client's values from the text of a Serde error. Keeps the expected values, the field names, and the
/// position.
pub(crate) fn without_values(error: &impl ToString) -> String {
    let text = error.to_string();
    // The last occurrence is Serde's, because a value may contain the same words.
    let (found, expected) =
        text.rfind(", expected ").map_or((text.as_str(), ""), |at| text.split_at(at));
    if let Some(name) = found.strip_prefix("unknown field `") {
        return format!(
            "unknown field `{}`{expected}",
            truncate(name.trim_end_matches('`'), MAX_NAME_CHARS)
        );
    }
    match found.find(['"', '`']) {
        Some(value) if is_quoting(found) => {
            format!("{}{expected}", found.get(..value).unwrap_or_default().trim_end())
        }
        _ => text,
    }
}

fn is_quoting(found: &str) -> bool {
    ["invalid type: ", "invalid value: ", "unknown variant "]
        .iter()
        .any(|start| found.starts_with(start))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its errors are of interest")]
    struct Data {
        count: u32,
        is_on: Option<bool>,
        kind: Option<Kind>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Round,
    }

    #[test]
    fn values_are_removed_and_positions_and_expectations_are_kept() {
        for (json, expected) in [
            (r#"{"count": "my, expected secret"}"#, "invalid type: string, expected u32"),
            (r#"{"count": -7}"#, "invalid value: integer, expected u32"),
            (r#"{"count": 1, "is_on": [2]}"#, "invalid type: sequence, expected a boolean"),
            (r#"{"count": 1, "kind": "secret"}"#, "unknown variant, expected `round`"),
            (r#"{"cuont": 1}"#, "unknown field `cuont`, expected one of `count`, `is_on`, `kind`"),
            ("{}", "missing field `count`"),
            ("secret", "expected value"),
        ] {
            let error = serde_json::from_str::<Data>(json).unwrap_err();
            let text = without_values(&error);
            let (text, position) = text.split_once(" at line 1 column ").unwrap();
            assert_eq!((text, position.parse()), (expected, Ok(error.column())), "{json}");
        }
    }

    #[test]
    fn long_field_names_are_truncated() {
        let json = format!(r#"{{"{}": 1}}"#, "x".repeat(5_000));
        let error = serde_json::from_str::<Data>(&json).unwrap_err();

        let text = without_values(&error);

        assert!(text.starts_with("unknown field `xxx") && text.len() < 200, "{text}");
    }
}
