//! The format of `conversations.json` in a ChatGPT export. A conversation is a tree of nodes, some of which
//! have a message. The user sees the path to `current_node`.
//!
//! Only texts of the user and the model are imported. The import skips system and tool messages, the model's
//! messages to tools or to itself, hidden messages, and messages without text. Their children become children of
//! the nearest imported ancestor.

mod convert;
mod message;
mod parts;
mod source;

pub(super) use convert::convert;
pub(super) use source::ChatGptConversation;
