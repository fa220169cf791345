//! Full-text search code that the stores share.

mod conversations;
mod examples;
mod ranking;
mod terms;

pub use conversations::best_hit_per_conversation;
pub use examples::{ExampleMatches, MAX_CONVERSATIONS_WITH_EXAMPLES};
pub use ranking::{RANKING_SOURCE_BYTES, Ranking};
pub use terms::{SNIPPET_SOURCE_BYTES, Terms};
