//! Runs CPU-bound work on a blocking thread.

use tokio::task::spawn_blocking;
use webchat_persistence::StoreError;

/// Runs work on a blocking thread, because it would delay other tasks on an async thread.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StoreError> {
    spawn_blocking(work).await.map_err(StoreError::fault)
}
