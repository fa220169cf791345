//! Full-text search in messages.

mod query;

pub(crate) use self::query::{search, search_conversations};
