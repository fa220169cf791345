//! What the stores share for full-text search.

mod conversations;
mod examples;
mod ranking;
mod terms;

pub use conversations::best_hit_per_conversation;
pub use examples::{ExampleMatches, MAX_CONVERSATIONS_WITH_EXAMPLES};
pub use ranking::{RANKING_SOURCE_BYTES, Ranking};
pub use terms::{SNIPPET_SOURCE_BYTES, Terms};
