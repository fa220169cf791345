//! The only connection that writes, and its queue of changes.
//!
//! One task on a blocking thread runs all waiting changes, one at a time. If each request acquired the connection itself
//! instead, nothing would be written while the next request waits for a thread to run on. With busy threads, the queue
//! would grow until changes time out.

use std::collections::VecDeque;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
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

/// For this time after a normal change, bulk changes take at most half of the time, so that they leave the processor
/// to the others.
const SHARING_PERIOD: Duration = Duration::from_secs(1);

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
    queue: Arc<SharedQueue>,
    permits: Arc<Semaphore>,
}

struct SharedQueue {
    queue: Mutex<Queue>,
    /// Wakes the task that runs the jobs while only bulk jobs wait.
    job_added: Condvar,
}

struct Queue {
    jobs: VecDeque<Job>,
    bulk_jobs: VecDeque<Job>,
    /// The number of jobs that have overtaken the next bulk job.
    overtaking: usize,
    last_normal_job: Option<Instant>,
    next_bulk_job_at: Instant,
    /// `None` while a task runs the jobs.
    connection: Option<(Connection, LogLimit)>,
}

impl Writer {
    /// Opens the connection. Blocks for a moment.
    pub(super) fn open(
        path: &Path,
        log_limit: LogLimit,
    ) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let queue = Queue::new(Some((open_writer(path)?, log_limit)), Instant::now());
        let permits = Arc::new(Semaphore::new(MAX_QUEUED));
        let queue = SharedQueue { queue: Mutex::new(queue), job_added: Condvar::new() };
        Ok(Self { queue: Arc::new(queue), permits })
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
            let mut queue = self.queue.lock();
            match priority {
                Priority::Normal => queue.jobs.push_back(job),
                Priority::Bulk => queue.bulk_jobs.push_back(job),
            }
            self.queue.job_added.notify_one();
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
    Run(Job, Priority),
    /// Only bulk jobs are left, and must wait as long unless another job is added.
    Wait(Duration),
    End,
}

impl SharedQueue {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn new(connection: Option<(Connection, LogLimit)>, now: Instant) -> Self {
        Self {
            jobs: VecDeque::new(),
            bulk_jobs: VecDeque::new(),
            overtaking: 0,
            last_normal_job: None,
            next_bulk_job_at: now,
            connection,
        }
    }

    fn next(&mut self, is_log_too_large: bool, now: Instant) -> Next {
        let is_bulk_next = self.jobs.is_empty() || self.overtaking >= MAX_OVERTAKING;
        if is_bulk_next
            && !is_log_too_large
            && now >= self.next_bulk_job_at
            && let Some(job) = self.bulk_jobs.pop_front()
        {
            self.overtaking = 0;
            return Next::Run(job, Priority::Bulk);
        }
        if let Some(job) = self.jobs.pop_front() {
            self.overtaking += usize::from(!self.bulk_jobs.is_empty());
            self.last_normal_job = Some(now);
            return Next::Run(job, Priority::Normal);
        }
        match self.next_bulk_job_at.checked_duration_since(now) {
            _ if self.bulk_jobs.is_empty() => Next::End,
            Some(pause) if !is_log_too_large => Next::Wait(pause),
            _ => Next::Wait(LOG_POLL_INTERVAL),
        }
    }

    /// Lets the next bulk job wait as long as this one took, unless nobody else writes.
    fn bulk_job_ended(&mut self, started: Instant, now: Instant) {
        let is_shared = self.last_normal_job.is_some_and(|last| now < last + SHARING_PERIOD);
        if is_shared {
            self.next_bulk_job_at = now + (now - started);
        }
    }
}

/// Runs the jobs of the queue until it is empty. A panic ends only its job; the transaction is rolled back.
fn run_jobs(shared: &SharedQueue, mut connection: Connection, mut log_limit: LogLimit) {
    loop {
        let started = Instant::now();
        let mut queue = shared.lock();
        match queue.next(log_limit.is_exceeded(), started) {
            Next::Run(job, priority) => {
                drop(queue);
                catch_unwind(AssertUnwindSafe(|| job(&mut connection))).ok();
                if priority == Priority::Bulk {
                    shared.lock().bulk_job_ended(started, Instant::now());
                }
            }
            Next::Wait(pause) => {
                drop(shared.job_added.wait_timeout(queue, pause));
            }
            Next::End => {
                queue.connection = Some((connection, log_limit));
                return;
            }
        }
        log_limit.check(&connection, Instant::now());
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_millis(20);

    impl Queue {
        fn add_bulk_job(&mut self) {
            self.bulk_jobs.push_back(Box::new(|_| ()));
        }
    }

    #[test]
    fn bulk_changes_take_half_of_the_time_while_others_write() {
        let start = Instant::now();
        let mut queue = Queue::new(None, start);
        queue.jobs.push_back(Box::new(|_| ()));
        queue.add_bulk_job();
        queue.add_bulk_job();

        assert!(matches!(queue.next(false, start), Next::Run(_, Priority::Normal)));
        assert!(matches!(queue.next(false, start), Next::Run(_, Priority::Bulk)));
        queue.bulk_job_ended(start, start + STEP);

        assert!(matches!(queue.next(false, start + STEP), Next::Wait(STEP)));
        assert!(matches!(queue.next(false, start + STEP * 2), Next::Run(_, Priority::Bulk)));
    }

    #[test]
    fn bulk_changes_follow_each_other_while_nobody_else_writes() {
        let start = Instant::now();
        let mut queue = Queue::new(None, start);
        queue.add_bulk_job();
        queue.add_bulk_job();

        assert!(matches!(queue.next(false, start), Next::Run(_, Priority::Bulk)));
        queue.bulk_job_ended(start, start + STEP);

        assert!(matches!(queue.next(false, start + STEP), Next::Run(_, Priority::Bulk)));
    }
}
