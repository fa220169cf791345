//! Opens and configures connections, and converts their errors.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode};
use webchat_persistence::StoreError;

/// The size to which a larger write-ahead log is truncated after a checkpoint.
const MAX_IDLE_WAL_BYTES: i64 = 64 * 1024 * 1024;

/// The maximum time that a connection waits for the lock of another one.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The maximum number of statements that a connection keeps prepared. This crate has fewer, so each is parsed only once
/// per connection.
const MAX_STATEMENTS: usize = 128;

/// Opens the connection that writes.
pub(super) fn open_writer(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "journal_size_limit", MAX_IDLE_WAL_BYTES)?;
    connection.pragma_update(None, "secure_delete", "FAST")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

/// Opens a read-only connection.
pub(super) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open(path)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.set_prepared_statement_cache_capacity(MAX_STATEMENTS);
    // Plans must not depend on parameters: otherwise a query whose limit is a parameter is planned again for each run.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(connection)
}

pub(crate) fn store_error(error: impl Into<Arc<rusqlite::Error>>) -> StoreError {
    let error = error.into();
    match error.sqlite_error_code() {
        Some(ErrorCode::OperationInterrupted) => StoreError::timeout(error),
        Some(
            ErrorCode::DiskFull
            | ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::ReadOnly
            | ErrorCode::CannotOpen
            | ErrorCode::SystemIoFailure
            | ErrorCode::OutOfMemory,
        ) => StoreError::unavailable(error),
        _ => StoreError::fault(error),
    }
}
