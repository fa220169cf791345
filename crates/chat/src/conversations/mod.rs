//! Conversations: their messages, search, and saved histories.

pub(crate) mod history;
pub(crate) mod messages;
mod reading;
pub(crate) mod saved_history;
pub(crate) mod search;
pub(crate) mod service;
