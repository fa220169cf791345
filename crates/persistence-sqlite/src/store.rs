//! The SQLite implementation of the stores.

use std::path::Path;
use std::sync::Arc;

use crate::database::{Database, OpenError};
use crate::events::SqliteTurnLog;

/// Implements all stores on one SQLite file. Clones share the database.
#[derive(Clone)]
pub struct SqliteStore {
    pub(crate) database: Arc<Database>,
}

impl SqliteStore {
    /// Opens the file, creates it if it does not exist, and brings its schema up to date.
    ///
    /// # Errors
    /// See [`OpenError`]; the file is unchanged.
    pub async fn open(path: &Path) -> Result<Self, OpenError> {
        let database = Database::open(path).await?;
        Ok(Self { database: Arc::new(database) })
    }

    /// Returns a turn log. Its event numbers are reserved in this file; its events are only in memory.
    #[must_use]
    pub fn turn_log(&self) -> SqliteTurnLog {
        SqliteTurnLog::new(Arc::clone(&self.database))
    }
}
