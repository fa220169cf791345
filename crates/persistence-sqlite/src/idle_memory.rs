//! Releases the memory that an idle store no longer needs.

use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::database::Database;
use crate::events::{Topics, lock};

/// The interval between two releases, and the time after which a connection counts as idle.
const INTERVAL: Duration = Duration::from_secs(15);

/// A task that periodically closes idle connections and drops the events of idle conversations. It stops when this is
/// dropped.
pub(crate) struct IdleMemory {
    _task: JoinSet<()>,
}

impl IdleMemory {
    pub(crate) fn start(database: &Arc<Database>, topics: &Arc<Mutex<Topics>>) -> Self {
        let mut task = JoinSet::new();
        task.spawn(release_periodically(Arc::downgrade(database), Arc::downgrade(topics)));
        Self { _task: task }
    }
}

async fn release_periodically(database: Weak<Database>, topics: Weak<Mutex<Topics>>) {
    loop {
        sleep(INTERVAL).await;
        if let Some(database) = database.upgrade() {
            database.release_idle_memory(INTERVAL);
        }
        if let Some(topics) = topics.upgrade() {
            lock(&topics).sweep();
        }
    }
}
