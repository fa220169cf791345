//! The readiness probe of the file.

use async_trait::async_trait;
use webchat_persistence::{Probe, StoreError};

use crate::SqliteStore;

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
