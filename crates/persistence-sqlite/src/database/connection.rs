//! An open database file.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Transaction;
use webchat_domain::UserId;
use webchat_persistence::StoreError;

use super::file_identity::FileIdentity;
use super::lock_file::lock;
use super::migrations::InitializeError;
use super::open_error::OpenError;
use super::readers::{Readers, Reads};
use super::wal_limit::{self, WalLimit};
use super::writer::{Priority, Writer};
use crate::private_files;

/// The maximum time of an ordinary read.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// The maximum time of a search.
const SEARCH_TIMEOUT: Duration = Duration::from_secs(2);

/// The maximum time of a read of one page for an export or for `webchat copy`, or of a whole table for the server.
const LONG_READ_TIMEOUT: Duration = Duration::from_secs(30);

/// A SQLite file with one writer and several readers. Reads that may be long have separate connections, so that they
/// don't delay ordinary reads. The reads of users who take a large share of them run on threads with a low priority.
pub(crate) struct Database {
    writer: Writer,
    readers: Readers,
    long_readers: Readers,
    path: PathBuf,
    file: FileIdentity,
    _locks: [File; 2],
}

impl Database {
    pub(crate) async fn open(path: &Path) -> Result<Self, OpenError> {
        let locks = lock(path)?;
        // SQLite would create the file readable for all users. SQLite's other files get the permissions of this one.
        private_files::open(path)
            .map_err(|cause| OpenError::NotWritable { path: path.to_owned(), cause })?;
        let failed = |cause| OpenError::Failed { path: path.to_owned(), cause };
        let wal_limit = WalLimit::new(path);
        let wal_pause = wal_limit.pause();
        let writer = Writer::open(path, wal_limit).await.map_err(|error| match error {
            InitializeError::TooNew => OpenError::TooNew(path.to_owned()),
            InitializeError::Failed(cause) => failed(cause),
        })?;
        Ok(Self {
            writer,
            readers: Readers::new(path, Reads::Short),
            long_readers: Readers::new(path, Reads::Long(wal_pause)),
            path: path.to_owned(),
            file: FileIdentity::of(path).map_err(|cause| failed(cause.into()))?,
            _locks: locks,
        })
    }

    /// Runs a query on behalf of no user in one transaction, so that it sees a consistent state. Dropping the future
    /// cancels the query.
    ///
    /// # Errors
    /// [`StoreError::Timeout`] after [`READ_TIMEOUT`], or if no connection becomes free.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.readers.read(None, READ_TIMEOUT, query).await
    }

    /// Runs a query like [`Database::read`], but for a user. A user has at most a quarter of the connections at a time.
    pub(crate) async fn read_for<T: Send + 'static>(
        &self,
        user_id: UserId,
        query: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.readers.read(Some(user_id), READ_TIMEOUT, query).await
    }

    /// Runs a query like [`Database::read_for`], but for a search: on the connections for long reads, with
    /// [`SEARCH_TIMEOUT`].
    pub(crate) async fn search_for<T: Send + 'static>(
        &self,
        user_id: UserId,
        query: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.long_readers.read(Some(user_id), SEARCH_TIMEOUT, query).await
    }

    /// Runs a query like [`Database::read`], but for an export, for `webchat copy` or of a whole table: on the
    /// connections for long reads, with [`LONG_READ_TIMEOUT`].
    pub(crate) async fn read_long<T: Send + 'static>(
        &self,
        user_id: Option<UserId>,
        query: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.long_readers.read(user_id, LONG_READ_TIMEOUT, query).await
    }

    /// Runs a change, which takes effect completely or not at all. Changes run one at a time. Several may be committed
    /// together; this one is durable when its result is returned.
    ///
    /// A change that has started is completed even if the future is dropped.
    ///
    /// # Errors
    /// [`StoreError::Timeout`] if other changes don't end in time. After an error, nothing is changed.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.writer.write(Priority::Normal, change).await
    }

    /// Runs a change like [`Database::write`], but waits up to 10 ms for another change to be committed together with it.
    pub(crate) async fn write_delayed<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.writer.write(Priority::Delayed, change).await
    }

    /// Runs a change like [`Database::write`], but with a low priority, as one of many steps: other changes may run first.
    pub(crate) async fn write_bulk<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.writer.write(Priority::Bulk, change).await
    }

    /// Releases the memory of the connections that nobody has used for `idle_for`: closes the readers, and empties the
    /// page cache of the writer.
    pub(crate) fn release_idle_memory(&self, idle_for: Duration) {
        self.readers.close_idle(idle_for);
        self.long_readers.close_idle(idle_for);
        self.writer.release_idle_memory(idle_for);
    }

    /// Moves all changes from the write-ahead log into the file, and empties the log, so that nothing that was deleted is
    /// in it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if reads prevent it for a minute.
    pub(crate) async fn truncate_log(&self) -> Result<(), StoreError> {
        wal_limit::truncate_log(self.path.clone()).await
    }

    /// Checks that the path still refers to the open file.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the file was deleted or replaced.
    pub(crate) fn check_file(&self) -> Result<(), StoreError> {
        self.file.check().map_err(StoreError::unavailable)
    }
}

#[cfg(test)]
mod tests;
