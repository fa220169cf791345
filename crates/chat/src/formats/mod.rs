//! The formats in which conversations are exported and imported. Nothing here uses a store.

mod chatgpt;
mod detection;
pub(crate) mod flask;
mod ids;
pub(crate) mod imported;
pub(crate) mod invalid_file;
pub(crate) mod json;
mod json_array_reader;
mod limits;
pub(crate) mod markdown;
pub(crate) mod read_error;
pub(crate) mod reader;
mod string_guard;
#[cfg(test)]
mod tests;

use webchat_persistence::StoredMessage;

/// Whether people read this message: hidden versions and empty answers are left out of the formats for them.
pub(crate) fn is_visible_text(stored: &StoredMessage) -> bool {
    stored.active && !stored.message.content.is_empty()
}
