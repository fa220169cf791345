//! The readiness probe of the file.

use async_trait::async_trait;
use webchat_persistence::{Probe, StoreError};

use crate::SqliteStore;

const READ: &str = "SELECT count(*) FROM readiness";
const WRITE: &str = "INSERT INTO readiness VALUES (1, 1)
     ON CONFLICT DO UPDATE SET checks = checks + 1";

/// Reads and writes, because a full or read-only disk can still be read.
#[async_trait]
impl Probe for SqliteStore {
    fn name(&self) -> &'static str {
        "SQLite"
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.database.check_file()?;
        self.database
            .read(|transaction| transaction.prepare_cached(READ)?.query_row([], |_| Ok(())))
            .await?;
        self.database
            .write(|transaction| transaction.prepare_cached(WRITE)?.execute([]).map(drop))
            .await
    }
}
