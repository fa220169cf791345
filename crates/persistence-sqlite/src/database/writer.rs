//! The only connection that writes, and its queue of changes.
//!
//! One task on a blocking thread runs all waiting changes, one at a time. If each request acquired the connection itself
//! instead, nothing would be written while the next request waits for a thread to run on. With busy threads, the queue
//! would grow until changes time out.

use std::collections::VecDeque;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use webchat_persistence::StoreError;

use super::connect::{open_writer, store_error};
use super::log_limit::LogLimit;
use super::metrics::waiting_write;
use super::migrations::{InitializeError, initialize};

/// The maximum time that a change waits for the changes before it.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// The maximum number of changes in the queue. Further changes wait until there is room.
const MAX_QUEUED: usize = 1_024;

/// The maximum number of other changes that may overtake a bulk change.
const MAX_OVERTAKING: usize = 16;

/// The time between two checks of the log while only bulk changes wait, and wait for the log.
const LOG_POLL_INTERVAL: Duration = Duration::from_millis(50);

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// The priority of a change.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Priority {
    /// A request waits for the change.
    Normal,
    /// One of the many steps of an import or a deletion.
    Bulk,
}

/// The connection that writes, and its queue.
pub(super) struct Writer {
    queue: Arc<Mutex<Queue>>,
    permits: Arc<Semaphore>,
}

struct Queue {
    jobs: VecDeque<Job>,
    bulk_jobs: VecDeque<Job>,
    /// The number of jobs that have overtaken the next bulk job.
    overtaking: usize,
    /// `None` while a task runs the jobs.
    connection: Option<(Connection, LogLimit)>,
}

impl Writer {
    /// Opens the connection. Blocks for a moment.
    pub(super) fn open(
        path: &Path,
        log_limit: LogLimit,
    ) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let queue = Queue {
            jobs: VecDeque::new(),
            bulk_jobs: VecDeque::new(),
            overtaking: 0,
            connection: Some((open_writer(path)?, log_limit)),
        };
        let permits = Arc::new(Semaphore::new(MAX_QUEUED));
        Ok(Self { queue: Arc::new(Mutex::new(queue)), permits })
    }

    /// Runs a change in one transaction. It waits for other changes at most for [`MAX_WAIT`]. Once started, it is
    /// completed even if the returned future is dropped.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        priority: Priority,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let change =
            move |connection: &mut Connection| run(connection, change).map_err(store_error);
        self.run_job(priority, change).await?
    }

    pub(super) async fn initialize(&self) -> Result<(), InitializeError> {
        self.run_job(Priority::Normal, initialize).await.map_err(InitializeError::failed)?
    }

    async fn run_job<T: Send + 'static>(
        &self,
        priority: Priority,
        job: impl FnOnce(&mut Connection) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let (start, mut started) = oneshot::channel();
        let (reply, result) = oneshot::channel();
        let queued = async {
            let _waiting = waiting_write();
            let permit = Arc::clone(&self.permits).acquire_owned().await;
            let job = Box::new(move |connection: &mut Connection| {
                drop(permit);
                // Sending fails if the caller no longer waits.
                if start.send(()).is_ok() {
                    reply.send(job(connection)).ok();
                }
            });
            self.add(priority, job);
            (&mut started).await.ok();
        };
        if let Err(elapsed) = timeout(MAX_WAIT, queued).await {
            started.close();
            // The job may have started just before.
            if started.try_recv().is_err() {
                return Err(StoreError::timeout(elapsed));
            }
        }
        result.await.map_err(StoreError::fault)
    }

    /// Adds a job to the queue, and starts the task that runs the jobs unless it is running.
    fn add(&self, priority: Priority, job: Job) {
        let connection = {
            let mut queue = lock(&self.queue);
            match priority {
                Priority::Normal => queue.jobs.push_back(job),
                Priority::Bulk => queue.bulk_jobs.push_back(job),
            }
            queue.connection.take()
        };
        if let Some((connection, log_limit)) = connection {
            let queue = Arc::clone(&self.queue);
            spawn_blocking(move || run_jobs(&queue, connection, log_limit));
        }
    }
}

/// The next action of the task that runs the jobs.
enum Next {
    Run(Job),
    /// Only bulk jobs are left, and the log is too large for them.
    Wait,
    End,
}

impl Queue {
    fn next(&mut self, is_log_too_large: bool) -> Next {
        let is_bulk_next = self.jobs.is_empty() || self.overtaking >= MAX_OVERTAKING;
        if is_bulk_next
            && !is_log_too_large
            && let Some(job) = self.bulk_jobs.pop_front()
        {
            self.overtaking = 0;
            return Next::Run(job);
        }
        match self.jobs.pop_front() {
            Some(job) => {
                self.overtaking += usize::from(!self.bulk_jobs.is_empty());
                Next::Run(job)
            }
            None if self.bulk_jobs.is_empty() => Next::End,
            None => Next::Wait,
        }
    }
}

/// Runs the jobs of the queue until it is empty. A panic ends only its job; the transaction is rolled back.
fn run_jobs(queue: &Mutex<Queue>, mut connection: Connection, mut log_limit: LogLimit) {
    loop {
        let next = {
            let mut queue = lock(queue);
            let next = queue.next(log_limit.is_exceeded());
            if matches!(next, Next::End) {
                queue.connection = Some((connection, log_limit));
                return;
            }
            next
        };
        match next {
            Next::Run(job) => drop(catch_unwind(AssertUnwindSafe(|| job(&mut connection)))),
            Next::Wait => sleep(LOG_POLL_INTERVAL),
            Next::End => {}
        }
        log_limit.check(&connection, Instant::now());
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
