//! A database file that is open.

use std::fs::File;
use std::path::Path;

use deadpool_sqlite::Pool;
use rusqlite::{Transaction, TransactionBehavior};
use webchat_persistence::StoreError;

use super::file_identity::FileIdentity;
use super::lock_file::lock;
use super::migrations::{PrepareError, prepare};
use super::open_error::OpenError;
use super::pool;

/// One SQLite file with one writer and several readers.
pub(crate) struct Database {
    writer: Pool,
    readers: Pool,
    file: FileIdentity,
    _lock: File,
}

impl Database {
    pub(crate) async fn open(path: &Path) -> Result<Self, OpenError> {
        let lock = lock(path)?;
        let broken = |cause| OpenError::Broken { path: path.to_owned(), cause };
        let writer = pool::writer(path).map_err(broken)?;
        let readers = pool::readers(path).map_err(broken)?;
        let connection = writer.get().await.map_err(|error| broken(error.into()))?;
        let file = FileIdentity::of(path).map_err(|cause| broken(cause.into()))?;
        drop(connection);
        let database = Self { writer, readers, file, _lock: lock };
        database.prepare().await.map_err(|error| match error {
            PrepareError::TooNew => OpenError::TooNew(path.to_owned()),
            PrepareError::Broken(cause) => broken(cause),
        })?;
        Ok(database)
    }

    /// Runs a query in one transaction, so that it sees a consistent state.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        pool::run(&self.readers, TransactionBehavior::Deferred, query).await
    }

    /// Runs a change in one transaction, with no other writer: all of it takes effect or none.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        pool::run(&self.writer, TransactionBehavior::Immediate, change).await
    }

    /// Checks that the path still leads to the file that is open.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the file was deleted or replaced.
    pub(crate) fn check_file(&self) -> Result<(), StoreError> {
        self.file.check().map_err(StoreError::unavailable)
    }

    async fn prepare(&self) -> Result<(), PrepareError> {
        let connection = self.writer.get().await.map_err(PrepareError::broken)?;
        connection
            .interact(prepare)
            .await
            .map_err(|error| PrepareError::broken(error.to_string()))?
    }
}
