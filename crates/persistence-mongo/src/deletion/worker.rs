//! The background task that deletes messages.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::removals;
use crate::database::MongoDatabase;

/// The pause before a failed deletion is retried.
const RETRY_PAUSE: Duration = Duration::from_secs(10);

/// The handle of the background task that deletes messages. Dropping it stops the task, which is safe at any point.
pub(crate) struct DeletionWorker {
    wake: Arc<Notify>,
    _task: JoinSet<()>,
}

impl DeletionWorker {
    pub(crate) fn start(database: MongoDatabase) -> Self {
        let wake = Arc::new(Notify::new());
        let mut task = JoinSet::new();
        task.spawn(run(database, Arc::clone(&wake)));
        Self { wake, _task: task }
    }

    /// Wakes the worker after a deletion was recorded.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }
}

async fn run(database: MongoDatabase, wake: Arc<Notify>) {
    loop {
        match removals::delete_all_pending(&database).await {
            Ok(()) => wake.notified().await,
            Err(error) => {
                tracing::warn!(
                    error = error.source(),
                    "failed to delete removed messages; retrying"
                );
                sleep(RETRY_PAUSE).await;
            }
        }
    }
}
