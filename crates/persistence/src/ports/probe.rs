//! The port of readiness probes.

use async_trait::async_trait;

use crate::StoreError;

/// A store that reports whether it can serve requests.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Probe: Send + Sync {
    /// Returns the store's name, for operators.
    fn name(&self) -> &'static str;

    /// Checks that the store responds.
    async fn check(&self) -> Result<(), StoreError>;
}
