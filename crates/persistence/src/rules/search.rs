//! How search results are shown.

/// The approximate number of words in a snippet.
pub const SNIPPET_WORDS: usize = 24;
