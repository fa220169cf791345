//! The only connection that writes, and the queue of changes.
//!
//! One task on a thread for blocking work runs all changes that wait, one after the other. If each request took
//! the connection in turn instead, nothing would be written while the next one waits for a thread to run on, and
//! with busy threads the queue would grow until changes expire.

use std::collections::VecDeque;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use webchat_persistence::StoreError;

use super::connect::{open_writer, store_error};
use super::migrations::{InitializeError, initialize};

/// How long a change waits for the changes before it.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// The maximum number of changes in the queue. Further ones wait for a place in it.
const MAX_QUEUED: usize = 1_024;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// The connection that writes.
pub(super) struct Writer {
    queue: Arc<Mutex<Queue>>,
    places: Arc<Semaphore>,
}

struct Queue {
    jobs: VecDeque<Job>,
    /// `None` while a task runs the jobs.
    connection: Option<Connection>,
}

impl Writer {
    /// Opens the connection. Blocks for a moment.
    pub(super) fn open(path: &Path) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let connection = open_writer(path)?;
        let queue = Queue { jobs: VecDeque::new(), connection: Some(connection) };
        let places = Arc::new(Semaphore::new(MAX_QUEUED));
        Ok(Self { queue: Arc::new(Mutex::new(queue)), places })
    }

    /// Runs a change in one transaction. It waits for other changes at most [`MAX_WAIT`]; once begun, it is
    /// completed even if the returned future is dropped.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let change =
            move |connection: &mut Connection| run(connection, change).map_err(store_error);
        self.run_job(change).await?
    }

    pub(super) async fn initialize(&self) -> Result<(), InitializeError> {
        self.run_job(initialize).await.map_err(InitializeError::failed)?
    }

    async fn run_job<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let (start, mut begun) = oneshot::channel();
        let (reply, result) = oneshot::channel();
        let queued = async {
            let place = Arc::clone(&self.places).acquire_owned().await;
            self.add(Box::new(move |connection| {
                drop(place);
                // Fails if nobody waits any more.
                if start.send(()).is_ok() {
                    reply.send(job(connection)).ok();
                }
            }));
            (&mut begun).await.ok();
        };
        if let Err(elapsed) = timeout(MAX_WAIT, queued).await {
            begun.close();
            // It may have begun just before.
            if begun.try_recv().is_err() {
                return Err(StoreError::timeout(elapsed));
            }
        }
        result.await.map_err(StoreError::fault)
    }

    /// Adds a job to the queue, and starts the task that runs it unless it is running.
    fn add(&self, job: Job) {
        let connection = {
            let mut queue = lock(&self.queue);
            queue.jobs.push_back(job);
            queue.connection.take()
        };
        if let Some(connection) = connection {
            let queue = Arc::clone(&self.queue);
            spawn_blocking(move || run_jobs(&queue, connection));
        }
    }
}

/// Runs the jobs of the queue until it is empty. A panic ends only its job; the transaction is rolled back.
fn run_jobs(queue: &Mutex<Queue>, mut connection: Connection) {
    loop {
        let job = {
            let mut queue = lock(queue);
            let Some(job) = queue.jobs.pop_front() else {
                queue.connection = Some(connection);
                return;
            };
            job
        };
        catch_unwind(AssertUnwindSafe(|| job(&mut connection))).ok();
    }
}

fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

fn run<T>(
    connection: &mut Connection,
    change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let value = change(&transaction)?;
    transaction.commit()?;
    Ok(value)
}
