//! Listing conversations.

use super::cursor::Cursor;

/// Which conversations are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchiveFilter {
    /// All conversations.
    All,
    /// Those that are not archived.
    Active,
    /// Those that are archived.
    Archived,
}

/// The time by which conversations are listed, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListOrder {
    /// When they were created.
    Created,
    /// When they were last updated.
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
