//! The formats in which conversations are exported and imported. This module does not access a store.

pub(crate) mod flask;
mod foreign;
mod ids;
pub(crate) mod imported_conversation;
mod input;
pub(crate) mod invalid_file;
pub(crate) mod left_out;
mod limits;
pub(crate) mod markdown;
pub(crate) mod native;
pub(crate) mod read_error;
pub(crate) mod reader;
mod survey;
#[cfg(test)]
mod tests;
mod values;

use webchat_persistence::StoredMessage;

/// Returns whether the message is part of human-readable exports, which omit hidden versions and empty answers.
pub(crate) fn is_visible_text(stored: &StoredMessage) -> bool {
    stored.active && !stored.message.content.is_empty()
}
