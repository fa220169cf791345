//! The contexts of conversations.

mod port;
mod row;

pub(crate) use row::{delete, drop_summary_covering, find, put, reset};
