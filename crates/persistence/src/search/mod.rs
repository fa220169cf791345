//! What the stores share for full-text search.

mod conversations;
mod terms;

pub use conversations::best_hit_per_conversation;
pub use terms::{SNIPPET_SOURCE_BYTES, Terms};
