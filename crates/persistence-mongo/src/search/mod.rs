//! Full-text search in messages and titles.

mod filter;
mod indexer;
mod query;
mod titles;

pub(crate) use self::indexer::Indexer;
pub(crate) use self::query::{search, search_conversations};
pub(crate) use self::titles::search_titles;
