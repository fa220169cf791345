//! The store of one SQLite file.

use std::path::Path;
use std::sync::Arc;

use crate::database::{Database, OpenError};
use crate::events::SqliteTurnLog;

/// All stores in one SQLite file. Clones share it.
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

    /// The turn log whose event numbers are reserved in this file.
    #[must_use]
    pub fn turn_log(&self) -> SqliteTurnLog {
        SqliteTurnLog::new(Arc::clone(&self.database))
    }
}
