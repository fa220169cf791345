//! A database file that is open.

use std::fs::File;
use std::path::Path;

use deadpool_sqlite::Pool;
use rusqlite::{Transaction, TransactionBehavior};
use webchat_persistence::StoreError;

use super::lock_file::lock;
use super::migrations::{PrepareError, prepare};
use super::open_error::OpenError;
use super::pool;
use crate::private_files;

/// One SQLite file with one writer and several readers.
pub(crate) struct Database {
    writer: Pool,
    readers: Pool,
    _lock: File,
}

impl Database {
    pub(crate) async fn open(path: &Path) -> Result<Self, OpenError> {
        let lock = lock(path)?;
        // SQLite would create it readable for all users. Its other files get the permissions of this one.
        private_files::open(path)
            .map_err(|cause| OpenError::NotWritable { path: path.to_owned(), cause })?;
        let broken = |cause| OpenError::Broken { path: path.to_owned(), cause };
        let writer = pool::writer(path).map_err(broken)?;
        let readers = pool::readers(path).map_err(broken)?;
        let database = Self { writer, readers, _lock: lock };
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

    async fn prepare(&self) -> Result<(), PrepareError> {
        let connection = self.writer.get().await.map_err(PrepareError::broken)?;
        connection
            .interact(prepare)
            .await
            .map_err(|error| PrepareError::broken(error.to_string()))?
    }
}
