//! Full-text search in messages and titles.

mod expression;
mod index;
mod query;
mod titles;
pub(crate) mod unindexed;

pub(crate) use index::{index, reindex};
pub(crate) use query::{search, search_conversations};
pub(crate) use titles::search_titles;
pub(crate) use unindexed::Indexer;
