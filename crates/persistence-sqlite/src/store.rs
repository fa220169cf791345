//! The SQLite implementation of the stores.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::Mutex;

use crate::database::{Database, OpenError};
use crate::deletion::{DeletionWorker, removals};
use crate::events::SqliteTurnLog;
use crate::search::{Indexer, unindexed};

/// All stores in one SQLite file. Clones share the database.
#[derive(Clone)]
pub struct SqliteStore {
    pub(crate) database: Arc<Database>,
    pub(crate) deletion_worker: Arc<DeletionWorker>,
    _indexer: Option<Arc<Indexer>>,
    /// Held while a complete conversation is inserted.
    pub(crate) insertion: Arc<Mutex<()>>,
}

impl SqliteStore {
    /// Opens the file, creates it if it does not exist, and migrates its schema. Starts tasks that delete hidden
    /// messages and index those of older versions; they stop when the last clone is dropped.
    ///
    /// # Errors
    /// See [`OpenError`]. The file is unchanged.
    pub async fn open(path: &Path) -> Result<Self, OpenError> {
        let database = Arc::new(Database::open(path).await?);
        let deletion_worker = Arc::new(DeletionWorker::start(Arc::downgrade(&database)));
        let failed = |error| OpenError::failed(path, error);
        if database.read(removals::exist).await.map_err(failed)? {
            deletion_worker.wake();
        }
        let is_unindexed = database.read(unindexed::exist).await.map_err(failed)?;
        let indexer = is_unindexed.then(|| Indexer::start(Arc::downgrade(&database)).into());
        Ok(Self { database, deletion_worker, _indexer: indexer, insertion: Arc::default() })
    }

    /// Returns a turn log. Its sequence numbers are reserved in this file; its events are only in memory.
    #[must_use]
    pub fn turn_log(&self) -> SqliteTurnLog {
        SqliteTurnLog::new(Arc::clone(&self.database))
    }
}
