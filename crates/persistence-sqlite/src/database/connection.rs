use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use deadpool_sqlite::{Config, Hook, HookError, Pool, Runtime};
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};
use rusqlite_migration::{M, Migrations};
use thiserror::Error;
use webchat_persistence::StoreError;

const MIGRATIONS: &[M<'static>] = &[
    M::up(include_str!("../migrations/01_initial.sql")),
    M::up(include_str!("../migrations/02_contexts.sql")),
    M::up(include_str!("../migrations/03_versions.sql")),
    M::up(include_str!("../migrations/04_file_jobs.sql")),
    M::up(include_str!("../migrations/05_archived.sql")),
    M::up(include_str!("../migrations/06_answer_errors.sql")),
];

const READERS: usize = 4;

/// One SQLite file: one writer, some readers.
pub(crate) struct Database {
    writer: Pool,
    readers: Pool,
    // Held for as long as the file is open; the system lets go of it however the process ends.
    _lock: File,
}

/// Why a database file can't be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The folder or the lock file can't be written.
    #[error("can't write to {}: {cause}", .path.display())]
    NotWritable {
        /// Which one.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// Another process has it open.
    #[error(
        "{} is in use by another Webchat; stop that one, or give this one another DATA_DIR",
        .0.display()
    )]
    InUse(PathBuf),
    /// A newer Webchat wrote it.
    #[error("{} was written by a newer Webchat; use that one or a backup", .0.display())]
    TooNew(PathBuf),
    /// It is no database, or broken, or the disk is.
    #[error("can't open {}: {cause}", .path.display())]
    Broken {
        /// Which one.
        path: PathBuf,
        /// Why.
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Database {
    pub(crate) async fn open(path: &Path) -> Result<Self, OpenError> {
        let lock = lock(path)?;
        let broken = |cause| OpenError::Broken { path: path.to_owned(), cause };
        let writer = pool(path, 1, configure_writer).map_err(broken)?;
        let database = Self {
            writer,
            readers: pool(path, READERS, configure_reader).map_err(broken)?,
            _lock: lock,
        };
        database.prepare().await.map_err(|error| match error {
            PrepareError::TooNew => OpenError::TooNew(path.to_owned()),
            PrepareError::Broken(cause) => broken(cause),
        })?;
        Ok(database)
    }

    /// Reads, in one transaction: what is read fits together.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        run(&self.readers, TransactionBehavior::Deferred, query).await
    }

    /// Writes, in one transaction, alone: all of it or nothing.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        run(&self.writer, TransactionBehavior::Immediate, change).await
    }

    async fn prepare(&self) -> Result<(), PrepareError> {
        let connection = self.writer.get().await.map_err(PrepareError::broken)?;
        connection
            .interact(prepare)
            .await
            .map_err(|error| PrepareError::broken(error.to_string()))?
    }
}

enum PrepareError {
    TooNew,
    Broken(Box<dyn std::error::Error + Send + Sync>),
}

impl PrepareError {
    fn broken(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Broken(cause.into())
    }
}

fn prepare(connection: &mut Connection) -> Result<(), PrepareError> {
    Migrations::from_slice(MIGRATIONS).to_latest(connection).map_err(|error| match error {
        rusqlite_migration::Error::MigrationDefinition(
            rusqlite_migration::MigrationDefinitionError::DatabaseTooFarAhead,
        ) => PrepareError::TooNew,
        error => PrepareError::broken(error),
    })?;
    // This process is the only one, and it runs nothing yet: what claims to run was cut off.
    connection
        .execute_batch(
            "UPDATE conversations SET lease_until = 0 WHERE running_turn IS NOT NULL;
             UPDATE conversations SET compacting_until = NULL WHERE compacting_until IS NOT NULL;
             UPDATE file_jobs SET run_id = NULL, lease_until = NULL WHERE run_id IS NOT NULL;",
        )
        .map_err(PrepareError::broken)?;
    Ok(())
}

fn lock(path: &Path) -> Result<File, OpenError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)
            .map_err(|cause| OpenError::NotWritable { path: folder.to_owned(), cause })?;
    }
    let lock_path = path.with_extension("lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&lock_path)
        .map_err(|cause| OpenError::NotWritable { path: lock_path.clone(), cause })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_owned())),
        Err(TryLockError::Error(cause)) => Err(OpenError::NotWritable { path: lock_path, cause }),
    }
}

fn pool(
    path: &Path,
    size: usize,
    configure: fn(&Connection) -> rusqlite::Result<()>,
) -> Result<Pool, Box<dyn std::error::Error + Send + Sync>> {
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
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)
}

fn configure_reader(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "query_only", true)
}

async fn run<T: Send + 'static>(
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
