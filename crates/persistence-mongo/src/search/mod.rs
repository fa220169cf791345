//! The full-text search in messages.

mod query;
mod terms;

pub(crate) use self::query::search;
