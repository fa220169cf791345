//! Turns: sends messages, stops turns, and streams the events of a conversation.

pub(crate) mod events;
pub(crate) mod send;
pub(crate) mod stop;
pub(crate) mod turn_response;
