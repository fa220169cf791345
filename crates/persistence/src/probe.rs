use async_trait::async_trait;

use crate::StoreError;

/// A store that says whether it can do its work.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Probe: Send + Sync {
    /// What operators call it.
    fn name(&self) -> &'static str;

    /// Whether it answers.
    async fn check(&self) -> Result<(), StoreError>;
}
