//! A time limit for calls of the driver.

use std::future::IntoFuture;
use std::io::ErrorKind::TimedOut;
use std::time::Duration;

use mongodb::error::Result as MongoResult;
use tokio::time::timeout;

/// Runs the call, and fails with an I/O error if it takes longer than `limit`.
pub(crate) async fn within<T>(
    limit: Duration,
    call: impl IntoFuture<Output = MongoResult<T>>,
) -> MongoResult<T> {
    timeout(limit, call.into_future()).await.unwrap_or_else(|_| Err(TimedOut.into()))
}
