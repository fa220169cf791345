//! The id of a model, which the operator chooses.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The id of a model: 1 to 64 letters, digits and `.`, `_`, `-`, `:`, `/`, such as `gpt-4.1-mini` or `qwen/qwen3:8b`.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String, min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9._:/-]*$", examples("gpt-4.1-mini")))]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ModelId(String);

/// A string that is not a valid id of a model.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error(
    "the id of a model must have 1 to {} letters, digits and `.`, `_`, `-`, `:`, `/`",
    ModelId::MAX_LENGTH
)]
pub struct InvalidModelId;

impl ModelId {
    /// The maximum number of characters.
    pub const MAX_LENGTH: usize = 64;

    /// Returns an id for a model with this name: the name, with `-` for characters that no id has.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        let allowed = |char: char| if is_allowed(char) { char } else { '-' };
        let text: String = name.chars().map(allowed).take(Self::MAX_LENGTH).collect();
        Self(if text.is_empty() { "model".to_owned() } else { text })
    }

    /// Returns the id's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ModelId {
    type Error = InvalidModelId;

    fn try_from(text: String) -> Result<Self, InvalidModelId> {
        let is_valid = (1..=Self::MAX_LENGTH).contains(&text.len()) && text.chars().all(is_allowed);
        if is_valid { Ok(Self(text)) } else { Err(InvalidModelId) }
    }
}

impl FromStr for ModelId {
    type Err = InvalidModelId;

    fn from_str(text: &str) -> Result<Self, InvalidModelId> {
        text.to_owned().try_into()
    }
}

impl From<ModelId> for String {
    fn from(id: ModelId) -> Self {
        id.0
    }
}

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn is_allowed(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '.' | '_' | '-' | ':' | '/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_letters_digits_and_some_punctuation() {
        for (text, is_valid) in [
            ("gpt-4.1-mini", true),
            ("qwen/qwen3:8b", true),
            (&"a".repeat(64), true),
            (&"a".repeat(65), false),
            ("", false),
            ("gpt 4", false),
            ("модель", false),
        ] {
            assert_eq!(text.parse::<ModelId>().is_ok(), is_valid, "{text}");
        }
    }

    #[test]
    fn each_name_has_a_valid_id() {
        for (name, expected) in
            [("gpt-4o", "gpt-4o"), ("My Model (β)", "My-Model----"), ("", "model")]
        {
            let id = ModelId::from_name(name);

            assert_eq!(id.as_str(), expected);
            assert!(ModelId::try_from(String::from(id)).is_ok());
        }
    }
}
