//! Rules for the start and the changes of turns.

mod append;
mod continuation;
mod duplicate;
mod save_answer;

pub use append::{AppendState, append_messages, check_append};
pub use continuation::{check_continuation, continue_answer};
pub use duplicate::{Counterpart, counterpart, question_and_answer};
pub use save_answer::{SavedAnswer, save_answer};
