//! What the stores share for full-text search.

mod conversations;
mod terms;

pub use conversations::best_of_conversations;
pub use terms::{SNIPPET_SOURCE_BYTES, Terms};
