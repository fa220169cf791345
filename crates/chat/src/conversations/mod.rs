//! Conversations: their messages, search, and saved histories.

pub(crate) mod export_stream;
mod lookup;
pub(crate) mod messages;
pub(crate) mod saved_history;
pub(crate) mod search;
pub(crate) mod service;
