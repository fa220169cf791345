//! Starting turns, saving their answers, and ending them.

mod append;
mod continue_answer;
pub(super) mod expired_turns;
mod preconditions;
mod save_answer;

pub(crate) use self::append::{append, append_messages};
pub(super) use self::continue_answer::continue_answer;
pub(super) use self::save_answer::save_answer;
