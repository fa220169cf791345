//! The background task that deletes messages.

use std::error::Error;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::sleep;
use webchat_persistence::StoreError;

use super::removals;
use crate::database::Database;

/// The pause before a failed deletion is retried.
const RETRY_PAUSE: Duration = Duration::from_secs(10);

/// The handle of the background task that deletes messages. Dropping it stops the task, which is safe at any point.
pub(crate) struct DeletionWorker {
    wake: Arc<Notify>,
    _task: JoinSet<()>,
}

impl DeletionWorker {
    /// Starts the task, which waits until it is woken. It keeps the database open only while it deletes messages.
    pub(crate) fn start(database: Weak<Database>) -> Self {
        let wake = Arc::new(Notify::new());
        let mut task = JoinSet::new();
        task.spawn(run(database, Arc::clone(&wake)));
        Self { wake, _task: task }
    }

    /// Wakes the task. Call it after a deletion was recorded.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }
}

async fn run(database: Weak<Database>, wake: Arc<Notify>) {
    wake.notified().await;
    loop {
        match delete_next(&database).await {
            Ok(true) => {}
            Ok(false) => wake.notified().await,
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

/// Deletes a batch of messages. Returns `false` if there are none to delete.
async fn delete_next(database: &Weak<Database>) -> Result<bool, StoreError> {
    let Some(database) = database.upgrade() else { return Ok(false) };
    if !database.read(removals::exist).await? {
        return Ok(false);
    }
    database.write_bulk(removals::delete_next).await
}
