//! The readiness probe of the store.

use async_trait::async_trait;
use webchat_persistence::{Probe, StoreError};

use crate::store::MongoStore;

#[async_trait]
impl Probe for MongoStore {
    fn name(&self) -> &'static str {
        "MongoDB"
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.database.ping().await
    }
}
