//! A conversation's metadata.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{ConversationId, FileName, Timestamp};

/// A conversation's metadata, without its messages.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversation {
    /// The conversation's id.
    pub conversation_id: ConversationId,
    /// The title; `null` until the first message.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub title: Option<Title>,
    /// When the conversation was started.
    pub created_at: Timestamp,
    /// When the conversation was last changed.
    pub updated_at: Timestamp,
    /// The number of visible messages.
    pub message_count: u64,
    /// The total number of tokens of the visible messages.
    pub total_tokens: u64,
    /// Whether the conversation is archived. Sending a message unarchives it.
    pub archived: bool,
}

impl Conversation {
    /// Returns whether the conversation has neither messages nor a title, so that it is not listed. The first message
    /// and the first file set a title.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.message_count == 0 && self.title.is_none()
    }
}

/// A conversation's title: 1 to 200 characters, on one line.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String, min_length = 1, max_length = 200, pattern = r"[^\s\x00-\x1f\x7f-\x9f]", examples("Tides and the moon")))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Title(String);

/// A string that is not a valid title.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("a title must have 1 to {} characters", Title::MAX_CHARS)]
pub struct InvalidTitle;

impl Title {
    /// The maximum number of characters of a title.
    pub const MAX_CHARS: usize = 200;

    /// Creates a title from the first words of a message: at most 60 characters, truncated between words
    /// if possible. Returns `None` for a text without visible characters.
    #[must_use]
    pub fn from_first_words(text: &str) -> Option<Self> {
        const MAX_CHARS: usize = 60;
        // Only the beginning is split into words, because the message may be a megabyte long.
        let beginning: String = text.trim_start().chars().take(4 * MAX_CHARS).collect();
        let words = one_line(&beginning);
        if words.chars().count() <= MAX_CHARS {
            return Self::try_from(words).ok();
        }
        let prefix: String = words.chars().take(MAX_CHARS).collect();
        let whole_words = prefix.rsplit_once(' ').map_or(prefix.as_str(), |(whole, _)| whole);
        Self::try_from(format!("{}…", whole_words.trim_end())).ok()
    }

    /// Returns the title of a conversation that begins with a file of this name.
    #[must_use]
    pub fn of_file(name: &FileName) -> Option<Self> {
        Self::from_first_words(name.as_str())
    }

    /// Returns the title's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Title {
    type Error = InvalidTitle;

    fn try_from(text: String) -> Result<Self, InvalidTitle> {
        let text = one_line(&text);
        if text.is_empty() || text.chars().count() > Self::MAX_CHARS {
            return Err(InvalidTitle);
        }
        Ok(Self(text))
    }
}

impl From<Title> for String {
    fn from(title: Title) -> Self {
        title.0
    }
}

/// Replaces each run of white space and control characters with one space. Removes characters that are invisible, or
/// that change the direction of the text around the title.
fn one_line(text: &str) -> String {
    let is_invisible = |c: char| matches!(c, '\u{200B}' | '\u{202A}'..='\u{202E}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}');
    let visible: String = text.chars().filter(|c| !is_invisible(*c)).collect();
    visible
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_message_becomes_the_title_on_one_line() {
        let title = Title::from_first_words("  Why two\ntides\0 a day? ").unwrap();

        assert_eq!(title.as_str(), "Why two tides a day?");
        let hidden = Title::try_from("evil\u{202E}txt.\u{200B}exe".to_owned()).unwrap();
        assert_eq!(hidden.as_str(), "eviltxt.exe");
    }

    #[test]
    fn a_long_message_is_truncated_between_words() {
        let title = Title::from_first_words(&"tides and moons ".repeat(99)).unwrap();

        assert_eq!(title.as_str(), "tides and moons tides and moons tides and moons tides and…");
    }

    #[test]
    fn a_long_message_without_spaces_is_truncated_within_the_word() {
        let title = Title::from_first_words(&"潮".repeat(1_000)).unwrap();

        assert_eq!(title.as_str().chars().count(), 61);
    }

    #[test]
    fn blank_and_overlong_titles_are_rejected() {
        assert_eq!(Title::from_first_words(" \n\0 "), None);
        assert_eq!(Title::from_first_words("\u{200B}\u{202E}\u{FEFF}"), None);
        assert_eq!(Title::try_from(" ".to_owned()), Err(InvalidTitle));
        assert_eq!(Title::try_from("x".repeat(201)), Err(InvalidTitle));
    }
}
