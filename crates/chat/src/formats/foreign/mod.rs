//! The exports of other chat applications: `ChatGPT`, Claude, Open `WebUI`, `LibreChat`, and similar ones.
//!
//! All of them contain messages with an author, a text and often a time, linked to a tree by the ids of their parents
//! or children. Fields are read tolerantly: a field of an unexpected type counts as missing. Branches become versions.
//!
//! Only texts of the user and the model are imported. The import skips system and tool messages, the model's messages
//! to tools or to itself, its reasoning, hidden messages, and messages without text. Their children become children of
//! the nearest imported ancestor.

mod chatgpt_markup;
mod conversation;
mod convert;
mod documents;
mod marks;
mod message;
mod message_list;
mod tree;

pub(super) use conversation::{ForeignConversation, ForeignConversationSeed};
pub(super) use convert::convert;
pub(super) use message::text_of;
pub(super) use message_list::MessageList;
