//! The only connection that writes, and its queue of changes.
//!
//! One task on a blocking thread runs all waiting changes, one after the other, and commits several of them together (group commit).
//! If each request acquired the connection itself instead, nothing would be written while the next request waits for a
//! thread to run on. With busy threads, the queue would grow until changes time out.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use webchat_persistence::StoreError;

use self::change::{Change, Queued, StartClaim};
use self::group::run_group;
pub(super) use self::queue::Priority;
use self::queue::{Group, Next, SharedQueue};
use super::connect::open_writer;
use super::metrics::waiting_write;
use super::migrations::{InitializeError, initialize};
use super::wal_limit::WalLimit;

mod change;
mod group;
mod queue;

/// The maximum time that a change waits for the changes before it.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// The maximum number of changes in the queue. Further changes wait until there is room.
const MAX_QUEUED: usize = 1_024;

/// The connection that writes, and its queue.
pub(super) struct Writer {
    queue: Arc<SharedQueue>,
    permits: Arc<Semaphore>,
}

impl Writer {
    /// Opens the connection and initializes the database.
    pub(super) async fn open(path: &Path, wal_limit: WalLimit) -> Result<Self, InitializeError> {
        let path = path.to_owned();
        let open = move || {
            let mut connection = open_writer(&path).map_err(InitializeError::failed)?;
            initialize(&mut connection)?;
            Ok(connection)
        };
        let connection = spawn_blocking(open).await.map_err(InitializeError::failed)??;
        let queue = Arc::new(SharedQueue::new(connection, wal_limit));
        Ok(Self { queue, permits: Arc::new(Semaphore::new(MAX_QUEUED)) })
    }

    /// Runs a change in a group commit, isolated from the other changes by a savepoint. Returns after the commit.
    /// The change waits for other changes for at most [`MAX_WAIT`]. Once started, it is completed even if the returned
    /// future is dropped.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        priority: Priority,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, mut result) = oneshot::channel();
        let start_claim = StartClaim::default();
        let completed = async {
            let waiting = waiting_write();
            let permit = Arc::clone(&self.permits).acquire_owned().await;
            let queued = Queued { _permit: permit.map_err(StoreError::fault)?, _waiting: waiting };
            self.add(priority, Change::new(change, reply, start_claim.clone(), queued));
            (&mut result).await.map_err(StoreError::fault)?
        };
        match timeout(MAX_WAIT, completed).await {
            Ok(result) => result,
            Err(elapsed) if start_claim.try_claim() => Err(StoreError::timeout(elapsed)),
            Err(_) => result.await.map_err(StoreError::fault)?,
        }
    }

    /// Empties the page cache if nothing has been written for `idle_for`.
    pub(super) fn release_idle_memory(&self, idle_for: Duration) {
        if let Err(error) = self.queue.lock().release_idle_memory(idle_for) {
            tracing::warn!(%error, "failed to release the page cache");
        }
    }

    /// Adds a change to the queue, and starts the task that runs the changes unless it is running.
    fn add<F, T>(&self, priority: Priority, change: Change<F, T>)
    where
        F: FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
        T: Send + 'static,
    {
        if let Some((connection, wal_limit)) = self.queue.add(priority, Box::new(change)) {
            let queue = Arc::clone(&self.queue);
            spawn_blocking(move || run_queue(&queue, connection, wal_limit));
        }
    }
}

/// Runs the changes of the queue until it is empty.
fn run_queue(shared: &SharedQueue, mut connection: Connection, mut wal_limit: WalLimit) {
    loop {
        let started = Instant::now();
        let is_wal_too_large = wal_limit.is_exceeded();
        let mut queue = shared.lock();
        match queue.next(is_wal_too_large, started) {
            Next::Run(change, Priority::Bulk) => {
                drop(queue);
                run_group(&mut connection, change, || None);
                shared.lock().bulk_change_ended(started, Instant::now());
            }
            Next::Run(change, _) => {
                drop(queue);
                let mut group = Group::starting(started);
                run_group(&mut connection, change, || {
                    shared.lock().next_of_group(&mut group, is_wal_too_large, Instant::now())
                });
            }
            Next::Wait(pause) => shared.wait(queue, pause),
            Next::End => return queue.end_task(connection, wal_limit),
        }
        wal_limit.check(&connection, Instant::now());
    }
}
