//! What a user asks the analysis of a file for.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What a user asks the analysis of a file for: 1 to 2 000 characters, without white space around them. Line feeds and
/// tabs are the only control characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String, min_length = 1, max_length = 2_000))]
#[cfg_attr(feature = "openapi", schema(examples("Which tides are the highest?")))]
pub struct FileInstructions(String);

/// A string that is not a valid [`FileInstructions`].
#[derive(Debug, Error, PartialEq, Eq)]
pub enum InvalidFileInstructions {
    /// The text has only white space.
    #[error("the text is empty: write what the analysis should answer")]
    Empty,
    /// The text is too long.
    #[error("at most {} characters are allowed: shorten the text", FileInstructions::MAX_CHARS)]
    TooLong,
    /// The text has control characters.
    #[error("control characters other than line feeds and tabs are not allowed: remove them")]
    ControlCharacters,
}

impl FileInstructions {
    /// The maximum number of characters.
    pub const MAX_CHARS: usize = 2_000;

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for FileInstructions {
    type Error = InvalidFileInstructions;

    fn try_from(text: String) -> Result<Self, InvalidFileInstructions> {
        let text = text.replace("\r\n", "\n");
        let text = text.trim();
        if text.is_empty() {
            return Err(InvalidFileInstructions::Empty);
        }
        if text.chars().count() > Self::MAX_CHARS {
            return Err(InvalidFileInstructions::TooLong);
        }
        if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
            return Err(InvalidFileInstructions::ControlCharacters);
        }
        Ok(Self(text.to_owned()))
    }
}

impl From<FileInstructions> for String {
    fn from(instructions: FileInstructions) -> Self {
        instructions.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, InvalidFileInstructions> {
        FileInstructions::try_from(text.to_owned()).map(String::from)
    }

    #[test]
    fn white_space_around_the_text_and_carriage_returns_are_removed() {
        assert_eq!(
            parse(" \r\nWhich tides?\r\n\tAnd why?\n"),
            Ok("Which tides?\n\tAnd why?".into())
        );
    }

    #[test]
    fn a_blank_long_or_binary_text_is_refused() {
        assert_eq!(parse(" \n"), Err(InvalidFileInstructions::Empty));
        assert_eq!(parse(&"潮".repeat(2_001)), Err(InvalidFileInstructions::TooLong));
        assert_eq!(parse("Which\0tides?"), Err(InvalidFileInstructions::ControlCharacters));
        assert!(parse(&"潮".repeat(FileInstructions::MAX_CHARS)).is_ok());
    }
}
