//! Sending a message, stopping its turn, and following a conversation's events.

pub(crate) mod send;
