//! A running turn: requesting the answer, saving it, and publishing its end.

mod answer;
mod draft;
mod failure;
mod follow_up;
mod metrics;
mod saving;
#[cfg(test)]
mod tests;
pub(crate) mod turn;
