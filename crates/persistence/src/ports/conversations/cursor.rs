//! The position at which a page of a list ends.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use webchat_domain::{ConversationId, Timestamp};

/// A position in a list: after the item with this time and id. If items are added or removed between two requests, the
/// next page neither repeats nor skips other items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The item's time by which the list is ordered.
    pub at: Timestamp,
    /// The item.
    pub id: ConversationId,
}

/// The error for a string that is not a cursor of this server.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("invalid cursor: use the `next_cursor` of the previous page")]
pub struct InvalidCursor;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.at.unix_millis(), self.id.to_simple())
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let (at, id) = text.split_once('_').ok_or(InvalidCursor)?;
        let millis = at.parse().map_err(|_| InvalidCursor)?;
        Ok(Self {
            at: Timestamp::from_unix_millis(millis),
            id: id.parse().map_err(|_| InvalidCursor)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_parsed_from_its_text() {
        let cursor = Cursor { at: Timestamp::from_unix_millis(17), id: ConversationId::generate() };

        assert_eq!(cursor.to_string().parse(), Ok(cursor));
    }

    #[test]
    fn a_text_that_is_not_a_cursor_is_rejected() {
        for text in ["", "_", "17", "17_", "x_0190", "17_' OR 1=1"] {
            assert_eq!(text.parse::<Cursor>(), Err(InvalidCursor), "{text}");
        }
    }
}
