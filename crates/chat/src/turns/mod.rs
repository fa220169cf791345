//! Turns: a turn generates the answer to a question.

mod continue_answer;
pub(crate) mod first_text;
pub(crate) mod lease;
pub(crate) mod progress;
pub(crate) mod recovery;
pub(crate) mod registry;
pub(crate) mod run;
pub(crate) mod send;
pub(crate) mod service;
mod start;
pub(crate) mod start_turn_outcome;
mod stop;
pub(crate) mod stopper;
mod turn_source;
mod versions;
