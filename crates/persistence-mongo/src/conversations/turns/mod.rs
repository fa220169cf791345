//! Turns: how they begin, save their answer and end.

pub(super) mod expired_turns;
mod save_answer;

pub(super) use self::save_answer::save_answer;
