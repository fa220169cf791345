//! The only connection that writes.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use deadpool_sqlite::Pool;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::task::spawn_blocking;
use webchat_persistence::StoreError;

use super::migrations::{InitializeError, initialize};
use super::pool::{self, store_error};

/// How long a change waits for the changes before it.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// The connection that writes.
pub(super) struct Writer(Pool);

impl Writer {
    pub(super) fn open(path: &Path) -> Result<Self, Box<dyn Error + Send + Sync>> {
        pool::writer(path).map(Self)
    }

    /// Runs a change in one transaction, on a thread for blocking work. It waits for the connection at most
    /// [`MAX_WAIT`]; once begun, it is completed even if the returned future is dropped.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let connection = pool::get(&self.0, MAX_WAIT).await?;
        let running = spawn_blocking(move || {
            run(&mut *pool::lock(&connection)?, change).map_err(store_error)
        });
        running.await.map_err(StoreError::fault)?
    }

    pub(super) async fn initialize(&self) -> Result<(), InitializeError> {
        let connection = self.0.get().await.map_err(InitializeError::failed)?;
        connection
            .interact(initialize)
            .await
            .map_err(|error| InitializeError::failed(error.to_string()))?
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
