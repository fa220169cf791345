//! Reads with a time limit, on read-only connections.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction};
use tokio::runtime::Handle;
use tokio::sync::oneshot::{self, Receiver};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use webchat_domain::UserId;
use webchat_persistence::{FairLimit, FairPermit, StoreError, spawn_cpu_work, thread_cpu_time};

use super::cancellation::{CancelOnDrop, Cancellation};
use super::connect::{open_reader, store_error};
use super::metrics::waiting_read;
use super::wal_limit::WalPause;

/// The connections for ordinary reads. They take little time, but on a busy machine wait for a thread.
const SHORT_CONNECTIONS: usize = 16;

/// The connections for reads that may need much processor time.
const LONG_CONNECTIONS: usize = 8;

/// How many connections of each kind stay open while they are not used.
const MAX_IDLE: usize = 4;

/// The maximum time that a read waits for a connection.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// The kind of reads of a pool.
pub(super) enum Reads {
    /// Ordinary reads.
    Short,
    /// Reads that may need much processor time. Those of heavy users wait while the write-ahead log is too large.
    Long(WalPause),
}

/// A pool of read-only connections.
pub(super) struct Readers {
    /// What long reads of heavy users wait for.
    wal_pause: Option<WalPause>,
    limit: FairLimit,
    connections: Arc<Connections>,
}

/// The connections, which are opened when they are first needed.
struct Connections {
    path: PathBuf,
    /// The last used one is at the end.
    idle: Mutex<Vec<IdleConnection>>,
}

struct IdleConnection {
    connection: Connection,
    since: Instant,
}

impl Readers {
    pub(super) fn new(path: &Path, reads: Reads) -> Self {
        let (max, wal_pause) = match reads {
            Reads::Short => (SHORT_CONNECTIONS, None),
            Reads::Long(wal_pause) => (LONG_CONNECTIONS, Some(wal_pause)),
        };
        let connections = Connections { path: path.to_owned(), idle: Mutex::default() };
        let limit = FairLimit::new(max, MAX_WAIT);
        Self { wal_pause, limit, connections: Arc::new(connections) }
    }

    /// Runs a query in one transaction, so that it sees a consistent state, on a blocking thread. The query is
    /// cancelled after `time_limit`, and when the returned future is dropped. Its connection and its permit are released
    /// once it has actually stopped.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        user_id: Option<UserId>,
        time_limit: Duration,
        query: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let connections = Arc::clone(&self.connections);
        let wal_pause = self.wal_pause.clone();
        let cancellation = Arc::new(Cancellation::default());
        let cancel_on_drop = CancelOnDrop(Arc::clone(&cancellation));
        let (reply, result) = oneshot::channel();
        let (runtime, waiting) = (Handle::current(), waiting_read());
        let start = move |permit: FairPermit| {
            let is_of_heavy_user = permit.is_of_heavy_user();
            let context = runtime.clone();
            let work = move || {
                // Reads of other users are too short to keep the log from being truncated.
                if is_of_heavy_user && let Some(mut wal_pause) = wal_pause {
                    runtime.block_on(wal_pause.wait_until_ended());
                }
                drop(waiting);
                cancellation.start();
                let started = thread_cpu_time();
                let result =
                    connections.with_connection(|connection| run(connection, &cancellation, query));
                permit.release(thread_cpu_time().saturating_sub(started));
                reply.send(result).ok();
            };
            // Heavy users leave the processor to the others.
            let _context = context.enter();
            if is_of_heavy_user {
                spawn_cpu_work(work)
            } else {
                spawn_blocking(work)
            };
        };
        self.limit.start_when_free(user_id, start).await?;
        wait(&cancel_on_drop, time_limit, result).await
    }

    /// Closes the connections that nobody has used for `idle_for`, which frees their page caches.
    pub(super) fn close_idle(&self, idle_for: Duration) {
        let is_unused = |idle: &mut IdleConnection| idle.since.elapsed() >= idle_for;
        let unused: Vec<_> = self.connections.lock_idle().extract_if(.., is_unused).collect();
        drop(unused);
    }
}

/// Waits for the result of a query, up to the time limit after its start.
async fn wait<T>(
    CancelOnDrop(cancellation): &CancelOnDrop,
    time_limit: Duration,
    mut result: Receiver<Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let mut remaining = time_limit;
    loop {
        match timeout(remaining, &mut result).await {
            Ok(result) => return result.map_err(StoreError::fault)?,
            Err(elapsed) => {
                remaining = cancellation.remaining(time_limit);
                if remaining.is_zero() {
                    return Err(StoreError::timeout(elapsed));
                }
            }
        }
    }
}

impl Connections {
    /// Runs a query on an idle connection. If the query panics, the connection is closed.
    fn with_connection<T>(
        &self,
        query: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let unused = self.lock_idle().pop();
        let mut connection = match unused {
            Some(idle) => idle.connection,
            None => open_reader(&self.path).map_err(store_error)?,
        };
        let result = query(&mut connection);
        if connection.is_autocommit() {
            let mut idle = self.lock_idle();
            if idle.len() < MAX_IDLE {
                idle.push(IdleConnection { connection, since: Instant::now() });
            }
        }
        result.map_err(store_error)
    }

    fn lock_idle(&self) -> MutexGuard<'_, Vec<IdleConnection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn run<T>(
    connection: &mut Connection,
    cancellation: &Arc<Cancellation>,
    query: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let transaction = connection.transaction()?;
    let result = cancellation.run(&transaction, || query(&transaction))?;
    // Unlike the statements of `Transaction`, this one stays prepared.
    transaction.prepare_cached("COMMIT")?.execute([])?;
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::connect::open_writer;

    const DEADLINE: Duration = Duration::from_secs(3);

    /// A processor time that makes a user a heavy user.
    const MUCH_TIME: Duration = Duration::from_secs(10);

    fn one(transaction: &Transaction<'_>) -> rusqlite::Result<i64> {
        transaction.query_row("SELECT 1", [], |row| row.get(0))
    }

    #[tokio::test]
    async fn long_reads_of_heavy_users_wait_while_the_log_is_too_large() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("webchat.db");
        let _writer = open_writer(&path).unwrap();
        let (is_paused, wal_pause) = WalPause::fixture();
        let readers = Readers::new(&path, Reads::Long(wal_pause));
        let (heavy, other) = (Some(UserId::generate()), Some(UserId::generate()));
        readers.limit.acquire(heavy).await.unwrap().release(MUCH_TIME);

        is_paused.send_replace(true);
        let of_other = readers.read(other, DEADLINE, one).await;
        let of_heavy =
            timeout(Duration::from_millis(300), readers.read(heavy, DEADLINE, one)).await;
        is_paused.send_replace(false);

        assert_eq!(of_other.unwrap(), 1);
        assert!(of_heavy.is_err(), "the read did not wait");
        assert_eq!(readers.read(heavy, DEADLINE, one).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn idle_connections_are_closed_and_opened_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("webchat.db");
        let _writer = open_writer(&path).unwrap();
        let readers = Readers::new(&path, Reads::Short);
        let open_connections = || readers.connections.lock_idle().len();
        readers.read(None, DEADLINE, one).await.unwrap();

        readers.close_idle(Duration::from_mins(1));
        let after_use = open_connections();
        readers.close_idle(Duration::ZERO);

        assert_eq!((after_use, open_connections()), (1, 0));
        assert_eq!(readers.read(None, DEADLINE, one).await.unwrap(), 1);
    }
}
