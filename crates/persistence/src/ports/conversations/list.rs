//! Listing conversations.

#[cfg(doc)]
use webchat_domain::Conversation;

use super::cursor::Cursor;

/// A filter of the listed conversations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchiveFilter {
    /// All conversations, including empty ones.
    All,
    /// Conversations that are neither archived nor [empty](Conversation::is_empty).
    Active,
    /// Archived conversations that are not empty.
    Archived,
}

/// The time by which conversations are listed, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListOrder {
    /// The time of creation.
    Created,
    /// The time of the last update.
    Updated,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// The start of the next page; `None` on the last page.
    pub next: Option<Cursor>,
}
