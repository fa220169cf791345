//! Events and signals within the process.

mod event_buffer;
mod mutex;
mod numbers;
mod restore;
mod running_turns;
mod signals;
mod topic;
mod turn_log;

pub(crate) use mutex::lock;
pub(crate) use numbers::Reservation;
pub(crate) use restore::restore;
pub(crate) use running_turns::RunningTurns;
pub use signals::LocalSignals;
pub(crate) use topic::Topics;
pub use turn_log::SqliteTurnLog;
