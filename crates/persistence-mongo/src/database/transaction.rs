//! Transactions that are retried. Most of them run to their end even if the caller is cancelled.

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, TryFutureExt};
use mongodb::ClientSession;
use mongodb::error::{ErrorKind, Result as MongoResult};
use mongodb::options::{
    ReadConcern, ReadPreference, SelectionCriteria, TransactionOptions, WriteConcern,
};
use tokio::sync::mpsc;
use webchat_persistence::StoreError;

use super::connection::{MongoDatabase, majority};

/// A running transaction. Operations that use the session are part of it.
pub(crate) struct Transaction<'a> {
    pub(crate) database: &'a MongoDatabase,
    pub(crate) session: &'a mut ClientSession,
}

/// The read and write concern of a transaction.
pub(crate) struct Concerns {
    read: ReadConcern,
    write: WriteConcern,
}

impl Concerns {
    /// Reads a snapshot of majority-committed data, and commits with majority write concern.
    fn snapshot() -> Self {
        Self { read: ReadConcern::snapshot(), write: majority() }
    }

    /// Reads the primary's latest data, which a majority may not have yet. It is durable only if the transaction
    /// commits, so it must not be returned otherwise.
    ///
    /// A snapshot can miss the last write while other writes are in progress: changing the same document would then
    /// fail with a write conflict, and preconditions would be checked against the previous state.
    pub(crate) fn local(write: WriteConcern) -> Self {
        Self { read: ReadConcern::local(), write }
    }
}

impl MongoDatabase {
    /// Runs `work` in a transaction, which commits everything or nothing. The driver runs `work` again after a write
    /// conflict or the loss of the primary.
    ///
    /// The transaction runs to its end even if the caller is cancelled: an abandoned transaction can block other
    /// writers of the same documents for a minute.
    pub(crate) async fn transaction<C, T, W>(&self, context: C, work: W) -> Result<T, StoreError>
    where
        C: Send + Sync + 'static,
        T: Send + 'static,
        W: for<'a> Fn(Transaction<'a>, &'a C) -> BoxFuture<'a, MongoResult<T>>,
        W: Send + Sync + 'static,
    {
        self.transaction_with(Concerns::snapshot(), context, work).await
    }

    /// Runs `work` like [`MongoDatabase::transaction`], but with these concerns.
    pub(crate) async fn transaction_with<C, T, W>(
        &self,
        concerns: Concerns,
        context: C,
        work: W,
    ) -> Result<T, StoreError>
    where
        C: Send + Sync + 'static,
        T: Send + 'static,
        W: for<'a> Fn(Transaction<'a>, &'a C) -> BoxFuture<'a, MongoResult<T>>,
        W: Send + Sync + 'static,
    {
        let database = self.clone();
        let running = self.transactions.spawn(async move {
            let mut session = database.start_session().await?;
            database.run_transaction(&mut session, concerns, context, work).await
        });
        running.await.map_err(StoreError::fault)?
    }

    pub(crate) async fn start_session(&self) -> Result<ClientSession, StoreError> {
        self.run(self.client.start_session()).await
    }

    /// Runs `work` in a transaction of this session. Dropping the future abandons the transaction.
    pub(crate) async fn transaction_in<C: Send, T>(
        &self,
        session: &mut ClientSession,
        context: C,
        work: impl for<'a> Fn(Transaction<'a>, &'a C) -> BoxFuture<'a, MongoResult<T>> + Send,
    ) -> Result<T, StoreError> {
        self.run_transaction(session, Concerns::snapshot(), context, work).await
    }

    async fn run_transaction<C: Send, T>(
        &self,
        session: &mut ClientSession,
        Concerns { read, write }: Concerns,
        context: C,
        work: impl for<'a> Fn(Transaction<'a>, &'a C) -> BoxFuture<'a, MongoResult<T>> + Send,
    ) -> Result<T, StoreError> {
        let options = TransactionOptions::builder()
            .read_concern(read)
            .write_concern(write)
            .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary))
            .build();
        let transaction = session.start_transaction().with_options(options);
        // After a server selection timeout, the driver would wait for a server twice more, to abort the transaction and
        // to retry it. Give up at the first such error instead.
        let (no_server, mut selection_failed) = mpsc::channel(1);
        let retried = transaction.and_run((self, context), |session, (database, context)| {
            let no_server = no_server.clone();
            let work = work(Transaction { database, session }, context);
            work.inspect_err(move |error| {
                if matches!(*error.kind, ErrorKind::ServerSelection { .. }) {
                    no_server.try_send(error.clone()).ok();
                }
            })
            .boxed()
        });
        self.run(async {
            tokio::select! {
                outcome = retried => outcome,
                Some(error) = selection_failed.recv() => Err(error),
            }
        })
        .await
    }
}
