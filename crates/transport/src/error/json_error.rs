//! The texts of parse errors: in the words of clients, with the field's name, and without the quoted values, because these
//! may be texts of users.

use std::fmt;

use serde::de::DeserializeOwned;

use crate::text::truncate;

/// The maximum length of a field name that an error repeats, in characters.
const MAX_NAME_CHARS: usize = 100;

/// The reason why a JSON text could not be parsed.
#[derive(Debug)]
pub(crate) struct JsonError {
    text: String,
    /// Whether the text is JSON, but its values are not as expected.
    pub(crate) is_data: bool,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Parses a JSON text. The error names the field.
pub(crate) fn parse<T: DeserializeOwned>(json: &str) -> Result<T, JsonError> {
    if json.trim().is_empty() {
        return Err(JsonError { text: "it is empty".to_owned(), is_data: false });
    }
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let parsed = serde_path_to_error::deserialize(&mut deserializer);
    let parsed = parsed.map_err(|error| {
        let path = error.path().to_string();
        JsonError::new(&path, error.inner())
    })?;
    deserializer.end().map_err(|error| JsonError::new(".", &error))?;
    Ok(parsed)
}

impl JsonError {
    /// `path` is the path of the field, or `.` if the error is not in a field.
    fn new(path: &str, error: &serde_json::Error) -> Self {
        let is_data = error.is_data();
        let reason = describe(error);
        let text = match path {
            path if is_data && path != "." => {
                format!("`{}`: {reason}", truncate(path, MAX_NAME_CHARS))
            }
            _ => reason,
        };
        Self { text, is_data }
    }
}

/// Describes the error of a parser. Removes the client's values. Keeps the expected values, the field names, and the
/// position.
pub(crate) fn describe(error: &impl ToString) -> String {
    let text = error.to_string();
    let (text, position) =
        text.rfind(" at line ").map_or((text.as_str(), ""), |at| text.split_at(at));
    format!("{}{position}", describe_problem(text))
}

fn describe_problem(text: &str) -> String {
    // The last occurrence is Serde's, because a value may contain the same words.
    let (found, expected) =
        text.rsplit_once(", expected ").map_or((text, None), |(found, it)| (found, Some(it)));
    if let Some(name) = found.strip_prefix("unknown field `") {
        let name = truncate(name.trim_end_matches('`'), MAX_NAME_CHARS);
        let expected = expected.map(|it| format!(", expected {it}")).unwrap_or_default();
        return format!("unknown field `{name}`{expected}");
    }
    let Some(expected) = expected else { return syntax_problem(text).to_owned() };
    let value = found.find(['"', '`']).filter(|_| is_quoting(found)).unwrap_or(found.len());
    let found = found.get(..value).unwrap_or_default().trim_end();
    let found = match found {
        "invalid type: map" => "invalid type: object",
        "invalid type: sequence" => "invalid type: array",
        "invalid type: unit value" => "invalid type: null",
        "invalid type: floating point" => "invalid type: number",
        "invalid value: floating point" => "invalid value: number",
        "unknown variant" => "unknown value",
        found => found,
    };
    format!("{found}, expected {}", expected_type(expected))
}

/// Returns the name in JSON and OpenAPI of a type that Serde names as in Rust.
fn expected_type(expected: &str) -> &str {
    match expected {
        "f32" | "f64" => "a number",
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => "an integer, 0 or more",
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => "an integer",
        "a map" => "an object",
        "a sequence" => "an array",
        expected if expected.starts_with("struct ") => "an object",
        expected => expected,
    }
}

fn syntax_problem(text: &str) -> &str {
    const PROBLEMS: [(&str, &str); 6] = [
        ("UUID parsing failed", "expected a UUID"),
        ("EOF while parsing", "it ends too early"),
        ("control character", "a control character, such as a line break, must be escaped"),
        ("trailing characters", "something follows the value"),
        ("expected value", "it is not JSON"),
        ("expected ident", "it is not JSON"),
    ];
    let known = PROBLEMS.iter().find(|(start, _)| text.starts_with(start));
    known.map_or(text, |(_, problem)| problem)
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
        id: Option<webchat_domain::ConversationId>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Round,
    }

    #[test]
    fn errors_name_the_field_and_the_expected_type_without_the_value() {
        for (json, expected) in [
            (
                r#"{"count": "my, expected secret"}"#,
                "`count`: invalid type: string, expected an integer, 0 or more",
            ),
            (r#"{"count": -7}"#, "`count`: invalid value: integer, expected an integer, 0 or more"),
            (r#"{"count": 1.5}"#, "`count`: invalid type: number, expected an integer, 0 or more"),
            (r#"{"count": 1, "is_on": [2]}"#, "`is_on`: invalid type: array, expected a boolean"),
            (
                r#"{"count": 1, "is_on": {"secret": 2}}"#,
                "`is_on`: invalid type: object, expected a boolean",
            ),
            (r#"{"count": 1, "kind": "secret"}"#, "`kind`: unknown value, expected `round`"),
            (r#"{"count": 1, "id": "secret"}"#, "`id`: expected a UUID"),
            (r#""secret""#, "invalid type: string, expected an object"),
            ("{}", "missing field `count`"),
            ("secret", "it is not JSON"),
            (r#"{"count": 1} secret"#, "something follows the value"),
            (r#"{"count": "#, "it ends too early"),
            ("{\"kind\": \"a\nb\"}", "a control character, such as a line break, must be escaped"),
        ] {
            let error = parse::<Data>(json).unwrap_err().to_string();
            let (text, _) = error.split_once(" at line 1 column ").unwrap_or((&error, ""));
            let (text, _) = text.split_once(" at line 2 column ").unwrap_or((text, ""));
            assert_eq!(text, expected, "{json}");
        }
        let unknown = parse::<Data>(r#"{"cuont": 1}"#).unwrap_err().to_string();
        assert!(
            unknown.contains("unknown field `cuont`, expected one of `count`, `is_on`"),
            "{unknown}"
        );
        assert_eq!(parse::<Data>(" ").unwrap_err().to_string(), "it is empty");
    }

    #[test]
    fn long_field_names_are_truncated() {
        let json = format!(r#"{{"{}": 1}}"#, "x".repeat(5_000));

        let text = parse::<Data>(&json).unwrap_err().to_string();

        assert!(text.contains("unknown field `xxx") && text.len() < 350, "{text}");
    }
}
