//! The SQLite implementation of the stores.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::Mutex;

use crate::database::{Database, OpenError};
use crate::deletion::{DeletionWorker, removals};
use crate::events::SqliteTurnLog;

/// All stores in one SQLite file. Clones share the database.
#[derive(Clone)]
pub struct SqliteStore {
    pub(crate) database: Arc<Database>,
    pub(crate) deletion_worker: Arc<DeletionWorker>,
    /// Held while a complete conversation is inserted.
    pub(crate) insertion: Arc<Mutex<()>>,
}

impl SqliteStore {
    /// Opens the file, creates it if it does not exist, and migrates its schema. Starts a task that deletes hidden
    /// messages; the task stops when the last clone is dropped.
    ///
    /// # Errors
    /// See [`OpenError`]. The file is unchanged.
    pub async fn open(path: &Path) -> Result<Self, OpenError> {
        let database = Arc::new(Database::open(path).await?);
        let deletion_worker = Arc::new(DeletionWorker::start(Arc::downgrade(&database)));
        if database.read(removals::exist).await.map_err(|error| OpenError::failed(path, error))? {
            deletion_worker.wake();
        }
        Ok(Self { database, deletion_worker, insertion: Arc::default() })
    }

    /// Returns a turn log. Its sequence numbers are reserved in this file; its events are only in memory.
    #[must_use]
    pub fn turn_log(&self) -> SqliteTurnLog {
        SqliteTurnLog::new(Arc::clone(&self.database))
    }
}
