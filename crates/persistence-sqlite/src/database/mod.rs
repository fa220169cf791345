//! The SQLite file: opening, locking, migrating, and running transactions.

mod connection;
mod file_identity;
mod lock_file;
mod migrations;
mod open_error;
mod pool;

pub(crate) use connection::Database;
pub use open_error::OpenError;
