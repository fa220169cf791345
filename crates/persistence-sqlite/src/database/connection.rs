//! A database file that is open.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use rusqlite::Transaction;
use webchat_domain::UserId;
use webchat_persistence::StoreError;

use super::file_identity::FileIdentity;
use super::lock_file::lock;
use super::log_limit::LogLimit;
use super::migrations::InitializeError;
use super::open_error::OpenError;
use super::readers::{Readers, Reads};
use super::writer::{Priority, Writer};
use crate::private_files;

/// How long an ordinary read may run.
const READ_DEADLINE: Duration = Duration::from_secs(5);

/// How long a search may run.
const SEARCH_DEADLINE: Duration = Duration::from_secs(2);

/// How long a read for an export or a copy may run. Each reads one page, or counts all messages.
const LONG_READ_DEADLINE: Duration = Duration::from_secs(30);

/// One SQLite file with one writer and several readers. Reads that may be long have connections of their
/// own, so that they can't delay ordinary ones, and threads of a low priority if the user has used much.
pub(crate) struct Database {
    writer: Writer,
    readers: Readers,
    long_readers: Readers,
    file: FileIdentity,
    _locks: [File; 2],
}

impl Database {
    pub(crate) async fn open(path: &Path) -> Result<Self, OpenError> {
        let locks = lock(path)?;
        // SQLite would create it readable for all users. Its other files get the permissions of this one.
        private_files::open(path)
            .map_err(|cause| OpenError::NotWritable { path: path.to_owned(), cause })?;
        let failed = |cause| OpenError::Failed { path: path.to_owned(), cause };
        let log_limit = LogLimit::new(path);
        let log_pause = log_limit.pause();
        let writer = Writer::open(path, log_limit).map_err(failed)?;
        writer.initialize().await.map_err(|error| match error {
            InitializeError::TooNew => OpenError::TooNew(path.to_owned()),
            InitializeError::Failed(cause) => failed(cause),
        })?;
        Ok(Self {
            writer,
            readers: Readers::new(path, Reads::Short),
            long_readers: Readers::new(path, Reads::Long(log_pause)),
            file: FileIdentity::of(path).map_err(|cause| failed(cause.into()))?,
            _locks: locks,
        })
    }

    /// Runs a query of the server itself in one transaction, so that it sees a consistent state. Dropping
    /// the future stops the query.
    ///
    /// # Errors
    /// [`StoreError::Timeout`] after [`READ_DEADLINE`], or if no connection becomes free.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.readers.read(None, READ_DEADLINE, query).await
    }

    /// As [`Database::read`], for a user, who has at most half of the connections at a time.
    pub(crate) async fn read_for<T: Send + 'static>(
        &self,
        user_id: UserId,
        query: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.readers.read(Some(user_id), READ_DEADLINE, query).await
    }

    /// As [`Database::read_for`], for a search: on the connections for long reads, with
    /// [`SEARCH_DEADLINE`].
    pub(crate) async fn search_for<T: Send + 'static>(
        &self,
        user_id: UserId,
        query: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.long_readers.read(Some(user_id), SEARCH_DEADLINE, query).await
    }

    /// As [`Database::read`], for exports and copies: on the connections for long reads, with
    /// [`LONG_READ_DEADLINE`].
    pub(crate) async fn read_long<T: Send + 'static>(
        &self,
        user_id: Option<UserId>,
        query: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.long_readers.read(user_id, LONG_READ_DEADLINE, query).await
    }

    /// Runs a change in one transaction, with no other writer: all of it takes effect or none.
    ///
    /// A change that has begun is completed even if the future is dropped.
    ///
    /// # Errors
    /// [`StoreError::Timeout`] if other changes don't end in time; nothing has changed then.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.writer.write(Priority::Normal, change).await
    }

    /// As [`Database::write`], for one of many steps: other changes overtake it.
    pub(crate) async fn write_bulk<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.writer.write(Priority::Bulk, change).await
    }

    /// Checks that the path still leads to the file that is open.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the file was deleted or replaced.
    pub(crate) fn check_file(&self) -> Result<(), StoreError> {
        self.file.check().map_err(StoreError::unavailable)
    }
}

#[cfg(test)]
mod tests;
