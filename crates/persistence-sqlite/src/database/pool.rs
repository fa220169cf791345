//! The pools of connections that read, and the configuration of connections.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use deadpool_sqlite::{Config, Hook, HookError, Object, Pool, Runtime, SyncGuard};
use rusqlite::{Connection, ErrorCode};
use tokio::time::timeout;
use webchat_persistence::StoreError;

/// The size to which the write-ahead log is truncated after it was larger.
const MAX_IDLE_WAL_BYTES: i64 = 64 * 1024 * 1024;

/// How long a connection waits for another one's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// A pool of connections that only read.
pub(super) fn readers(path: &Path, size: usize) -> Result<Pool, Box<dyn Error + Send + Sync>> {
    let hook = Hook::async_fn(move |connection, _| {
        Box::pin(async move {
            connection
                .interact(|connection| configure_reader(connection))
                .await
                .map_err(|error| HookError::message(error.to_string()))?
                .map_err(HookError::Backend)
        })
    });
    let pool =
        Config::new(path).builder(Runtime::Tokio1)?.max_size(size).post_create(hook).build()?;
    Ok(pool)
}

/// Returns a connection that is free, or becomes free in time.
pub(super) async fn get(pool: &Pool, max_wait: Duration) -> Result<Object, StoreError> {
    match timeout(max_wait, pool.get()).await {
        Ok(connection) => connection.map_err(StoreError::unavailable),
        Err(elapsed) => Err(StoreError::timeout(elapsed)),
    }
}

/// Locks a connection on a thread for blocking work. It stays out of the pool until then, unlike with
/// `interact`, which returns a connection that is still in use if its future is dropped.
pub(super) fn lock(connection: &Object) -> Result<SyncGuard<'_, Connection>, StoreError> {
    connection.lock().map_err(|poisoned| StoreError::fault(poisoned.to_string()))
}

pub(super) fn configure_writer(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "journal_size_limit", MAX_IDLE_WAL_BYTES)?;
    connection.pragma_update(None, "secure_delete", "FAST")?;
    connection.pragma_update(None, "foreign_keys", true)
}

fn configure_reader(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "query_only", true)
}

pub(super) fn store_error(error: rusqlite::Error) -> StoreError {
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
