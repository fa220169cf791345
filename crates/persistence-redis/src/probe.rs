//! The readiness probe.

use async_trait::async_trait;
use webchat_persistence::{Probe, StoreError};

use crate::store::RedisStore;

#[async_trait]
impl Probe for RedisStore {
    fn name(&self) -> &'static str {
        "Redis"
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.ping().await
    }
}
