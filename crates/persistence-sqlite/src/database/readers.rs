//! Reads with a deadline, on connections that only read.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use deadpool_sqlite::{Object, Pool};
use rusqlite::{Connection, Transaction};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use webchat_domain::UserId;
use webchat_persistence::{FairLimit, FairPermit, StoreError, spawn_cpu_work};

use super::cancellation::{CancelOnDrop, Cancellation};
use super::pool::{self, store_error};

/// The number of connections of each kind of reads. One user has at most half of them.
const CONNECTIONS: usize = 4;

/// How long a read waits for a connection.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// What a pool is for.
#[derive(Clone, Copy)]
pub(super) enum Reads {
    /// Ordinary reads.
    Short,
    /// Reads that may need much processor time.
    Long,
}

/// A pool of connections that only read.
pub(super) struct Readers {
    reads: Reads,
    pool: Pool,
    limit: FairLimit,
}

impl Readers {
    pub(super) fn open(path: &Path, reads: Reads) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let pool = pool::readers(path, CONNECTIONS)?;
        Ok(Self { reads, pool, limit: FairLimit::new(CONNECTIONS, MAX_WAIT) })
    }

    /// Runs a query in one transaction, so that it sees a consistent state, on a thread for blocking work.
    /// The query is stopped after `deadline`, and when the returned future is dropped. Its connection and
    /// its permit are released once it has really stopped.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        user_id: Option<UserId>,
        deadline: Duration,
        query: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (permit, connection) = self.connect(user_id).await?;
        let cancellation = Arc::new(Cancellation::default());
        let _cancel_on_drop = CancelOnDrop(Arc::clone(&cancellation));
        let work = move || {
            let _permit = permit;
            let mut connection = pool::lock(&connection)?;
            run(&mut connection, &cancellation, query).map_err(store_error)
        };
        let running = match self.reads {
            Reads::Short => spawn_blocking(work),
            Reads::Long => spawn_cpu_work(work),
        };
        match timeout(deadline, running).await {
            Ok(finished) => finished.map_err(StoreError::fault)?,
            Err(elapsed) => Err(StoreError::timeout(elapsed)),
        }
    }

    async fn connect(&self, user_id: Option<UserId>) -> Result<(FairPermit, Object), StoreError> {
        let permit = self.limit.acquire(user_id).await?;
        let connection = pool::get(&self.pool, MAX_WAIT).await?;
        Ok((permit, connection))
    }
}

fn run<T>(
    connection: &mut Connection,
    cancellation: &Arc<Cancellation>,
    query: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let transaction = connection.transaction()?;
    cancellation.run(&transaction, || query(&transaction))
}
