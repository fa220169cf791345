//! Events and signals within the process.

mod event_buffer;
mod mutex;
mod signals;
mod topic;
mod turn_log;

pub use signals::LocalSignals;
pub use turn_log::SqliteTurnLog;
