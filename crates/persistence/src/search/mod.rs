//! Full-text search code that the stores share.

mod alternatives;
#[cfg(any(test, feature = "testing"))]
pub mod cases;
mod conversations;
mod examples;
mod fold;
mod index;
mod ranking;
mod segments;
mod snippet;
mod terms;
mod titles;

pub use alternatives::Alternative;
pub use conversations::best_hit_per_conversation;
pub use examples::{ExampleMatches, MAX_CONVERSATIONS_WITH_EXAMPLES};
pub use index::{INDEXED_BYTES, IndexTerms, stem};
pub use ranking::{MAX_MATCHES, MAX_RANKED_BYTES, RANKING_SOURCE_BYTES, Ranking};
pub use snippet::SNIPPET_SOURCE_BYTES;
pub use terms::Terms;
pub use titles::{MAX_SEARCHED_TITLES, TitleMatches};
