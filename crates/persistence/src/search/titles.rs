//! Searches titles, which no full-text index contains.

use webchat_domain::{ConversationId, Timestamp, TitleHit};

use super::terms::Terms;

/// The maximum number of a user's conversations whose titles are searched: the last updated ones.
pub const MAX_SEARCHED_TITLES: u32 = 10_000;

/// Collects the conversations whose titles match a search.
pub struct TitleMatches<'a> {
    terms: &'a Terms,
    limit: usize,
    hits: Vec<TitleHit>,
}

impl<'a> TitleMatches<'a> {
    /// Creates an empty collection.
    #[must_use]
    pub fn of(terms: &'a Terms, limit: u32) -> Self {
        Self { terms, limit: usize::try_from(limit).unwrap_or(usize::MAX), hits: Vec::new() }
    }

    /// Whether the limit is reached.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.hits.len() >= self.limit
    }

    /// Adds the conversation if its title matches.
    pub fn add(&mut self, conversation_id: ConversationId, updated_at: Timestamp, title: &str) {
        if !self.is_full() && self.terms.matches(title) {
            let title = self.terms.mark(title);
            self.hits.push(TitleHit { conversation_id, updated_at, title });
        }
    }

    /// Returns the conversations in the order in which they were added.
    #[must_use]
    pub fn into_hits(self) -> Vec<TitleHit> {
        self.hits
    }
}
