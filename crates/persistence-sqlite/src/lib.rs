#![doc = include_str!("../README.md")]

mod append;
mod archive;
mod contexts;
mod conversations;
mod database;
mod file_jobs;
mod file_rows;
mod lapsed;
mod rows;
mod saved_folder;
mod search;
mod sessions;
mod signals;
mod tail;
mod turn_log;
mod versions;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use webchat_persistence::{Probe, StoreError};

pub use database::OpenError;
pub use saved_folder::SavedFolder;
pub use signals::LocalSignals;
pub use turn_log::SqliteTurnLog;

use database::Database;

/// All stores on one SQLite file. Clones share it.
#[derive(Clone)]
pub struct SqliteStore {
    database: Arc<Database>,
}

impl SqliteStore {
    /// Opens the file, makes it if there is none, and brings its schema up to date.
    ///
    /// # Errors
    /// See [`OpenError`]; the file is as it was.
    pub async fn open(path: &Path) -> Result<Self, OpenError> {
        let database = Database::open(path).await?;
        Ok(Self { database: Arc::new(database) })
    }

    /// The turn log whose numbers are kept in this file.
    #[must_use]
    pub fn turn_log(&self) -> SqliteTurnLog {
        SqliteTurnLog::new(Arc::clone(&self.database))
    }
}

#[async_trait]
impl Probe for SqliteStore {
    fn name(&self) -> &'static str {
        "SQLite"
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.database
            .read(|transaction| transaction.query_row("PRAGMA schema_version", [], |_| Ok(())))
            .await
    }
}
