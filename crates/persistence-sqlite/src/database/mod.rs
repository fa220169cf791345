//! The SQLite file: opening, locking, migrating, and running transactions with time limits.

mod batch;
mod cancellation;
mod connect;
mod connection;
mod file_identity;
mod lock_file;
mod metrics;
mod migrations;
mod open_error;
mod readers;
mod wal_limit;
mod writer;

pub(crate) use batch::{BatchSize, batches};
pub(crate) use connection::Database;
pub use metrics::describe_metrics;
#[cfg(test)]
pub(crate) use migrations::MIGRATIONS;
pub use open_error::OpenError;
