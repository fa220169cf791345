//! Pools of connections, one for the writer and one for the readers.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use deadpool_sqlite::{Config, Hook, HookError, Pool, Runtime};
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};
use webchat_persistence::StoreError;

const READERS: usize = 4;

/// The size to which the write-ahead log is truncated after it was larger.
const MAX_IDLE_WAL_BYTES: i64 = 64 * 1024 * 1024;

/// How long a connection waits for another one's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) fn writer(path: &Path) -> Result<Pool, Box<dyn Error + Send + Sync>> {
    pool(path, 1, configure_writer)
}

pub(super) fn readers(path: &Path) -> Result<Pool, Box<dyn Error + Send + Sync>> {
    pool(path, READERS, configure_reader)
}

/// Runs `work` in one transaction, on a thread for blocking work.
pub(super) async fn run<T: Send + 'static>(
    pool: &Pool,
    behavior: TransactionBehavior,
    work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
) -> Result<T, StoreError> {
    let connection = pool.get().await.map_err(StoreError::unavailable)?;
    let done = connection
        .interact(move |connection| {
            let transaction = connection.transaction_with_behavior(behavior)?;
            let value = work(&transaction)?;
            transaction.commit()?;
            Ok(value)
        })
        .await;
    match done {
        Ok(result) => result.map_err(store_error),
        Err(panicked) => Err(StoreError::fault(panicked.to_string())),
    }
}

fn pool(
    path: &Path,
    size: usize,
    configure: fn(&Connection) -> rusqlite::Result<()>,
) -> Result<Pool, Box<dyn Error + Send + Sync>> {
    let hook = Hook::async_fn(move |connection, _| {
        Box::pin(async move {
            connection
                .interact(move |connection| configure(connection))
                .await
                .map_err(|error| HookError::message(error.to_string()))?
                .map_err(HookError::Backend)
        })
    });
    let pool =
        Config::new(path).builder(Runtime::Tokio1)?.max_size(size).post_create(hook).build()?;
    Ok(pool)
}

fn configure_writer(connection: &Connection) -> rusqlite::Result<()> {
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

fn store_error(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
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
