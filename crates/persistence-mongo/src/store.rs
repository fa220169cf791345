//! The store: the database and its background tasks.

use std::sync::Arc;

use tokio::sync::Mutex;
use webchat_persistence::FairLimit;

use crate::database::{MAX_LONG_READ_WAIT, MAX_LONG_READS, MongoDatabase, TransactionReaper};
use crate::deletion::DeletionWorker;
use crate::search::Indexer;

/// Conversations, contexts, files, users and token counts in a MongoDB database. Clones share the database.
#[derive(Clone)]
pub struct MongoStore {
    pub(crate) database: MongoDatabase,
    pub(crate) deletion_worker: Arc<DeletionWorker>,
    pub(crate) long_reads: Arc<FairLimit>,
    /// Held while a transaction appends to the audit log.
    pub(crate) audit_turn: Arc<Mutex<()>>,
    _transaction_reaper: Arc<TransactionReaper>,
    _indexer: Arc<Indexer>,
}

impl MongoStore {
    /// Creates the store in this database, whose schema must have been prepared.
    ///
    /// Must be called within a Tokio runtime: it starts tasks that delete removed messages, abort the
    /// transactions of dead instances, and index the messages of older versions. They stop when the last clone is dropped.
    #[must_use]
    pub fn new(database: MongoDatabase) -> Self {
        let deletion_worker = Arc::new(DeletionWorker::start(database.clone()));
        let transaction_reaper = Arc::new(TransactionReaper::start(database.clone()));
        let long_reads = Arc::new(FairLimit::new(MAX_LONG_READS, MAX_LONG_READ_WAIT));
        let indexer = Arc::new(Indexer::start(database.clone()));
        Self {
            database,
            deletion_worker,
            long_reads,
            audit_turn: Arc::default(),
            _transaction_reaper: transaction_reaper,
            _indexer: indexer,
        }
    }
}
