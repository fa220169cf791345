//! Conversations and their messages.

mod adapter;
mod create;
mod delete;
mod edit;
mod list;
mod messages;
mod turns;
mod versions;

pub(crate) use self::turns::append_messages;
