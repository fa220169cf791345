//! Runs a turn: requests the answer, saves it, and publishes its end.

mod answer;
mod draft;
pub(crate) mod failure;
mod follow_up;
mod save;
#[cfg(test)]
mod tests;
pub(crate) mod turn;
