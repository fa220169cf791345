//! The SQLite file: opening, locking, migrating, and running transactions.

mod batch;
mod connection;
mod lock_file;
mod migrations;
mod open_error;
mod pool;

pub(crate) use batch::{BatchSize, batches};
pub(crate) use connection::Database;
pub use open_error::OpenError;
