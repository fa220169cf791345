//! Conversations, their messages and turns.

mod append;
mod continue_answer;
mod edit;
mod expired_turns;
mod list;
mod messages;
mod path;
mod path_change;
mod port;
mod preconditions;
mod save_answer;
mod select;

pub(crate) use append::append;
