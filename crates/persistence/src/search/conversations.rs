//! Reduces the hits of a search to conversations.

use std::collections::HashSet;

use webchat_domain::ConversationId;

/// Keeps the first hit of each conversation. `hits` are sorted by score, best first.
#[must_use]
pub fn best_hit_per_conversation(
    mut hits: Vec<(ConversationId, f64)>,
) -> Vec<(ConversationId, f64)> {
    let mut seen = HashSet::new();
    hits.retain(|(id, _)| seen.insert(*id));
    hits
}
