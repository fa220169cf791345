//! The migration, which reads, converts and writes the documents, and reports its progress.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt;
use mongodb::bson::{Document, RawDocumentBuf};
use mongodb::{Collection, IndexModel};
use tokio::time::sleep;
use webchat_persistence::StoreError;

use super::batches::{Batches, legacy_documents};
use super::blocking::blocking;
use super::converted::{Candidate, Converted, CountTokens};
use super::lock::{HeldLock, Lock};
use super::partition::{self, Partition};
use super::report::{MigrationError, MigrationProgress, MigrationReport, Skipped};
use super::users::{self, FlaskUser};
use super::writes;
use crate::database::MongoDatabase;
use crate::deletion::removals;
use crate::documents::current_schema_filter;
use crate::error::code;
use crate::schema::CONVERSATIONS;

/// The time that a migration may stall before another process takes over.
const LEASE: Duration = Duration::from_secs(30);

/// The maximum time that the server may take for one operation.
const OPERATION_TIMEOUT: Duration = Duration::from_mins(2);

/// The interval between attempts to acquire the lock while another migration holds it.
const LOCK_POLL_INTERVAL: Duration = Duration::from_millis(500);

/// The server's error code for a collection that does not exist.
const NAMESPACE_NOT_FOUND: i32 = 26;

/// Migrates the Flask application's conversations in a database, in place.
///
/// The database's schema must have been prepared, except for [`pending`](Self::pending) and
/// [`plan`](Self::plan). The Flask application should not be running; Webchat servers may be.
///
/// Memory use is bounded by a batch: at most 250 documents and 4 MiB, or a single larger document.
#[derive(Clone)]
pub struct FlaskMigration {
    database: MongoDatabase,
    count_tokens: CountTokens,
    lease: Duration,
}

impl FlaskMigration {
    /// Creates a migration of this database. `count_tokens` returns the number of tokens of a message; it runs on
    /// blocking threads.
    #[must_use]
    pub fn new(database: &MongoDatabase, count_tokens: CountTokens) -> Self {
        Self { database: database.with_timeout(OPERATION_TIMEOUT), count_tokens, lease: LEASE }
    }

    /// Sets how long the migration may stall before another one takes over. The default is 30 s.
    #[must_use]
    pub fn with_lease(self, lease: Duration) -> Self {
        Self { lease, ..self }
    }

    /// Returns the number of documents in the legacy format, or 0 if none of them can be migrated. Servers call this at
    /// startup: the collection is scanned once, but only a few documents are transferred, unless many of them can't be
    /// migrated.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn pending(&self) -> Result<u64, StoreError> {
        let mut batches = Batches::open(&self.database).await?;
        while let Some(documents) = batches.next().await? {
            let partition = self.partition(documents).await?;
            if !partition.without_ids_in_use(&self.database).await?.candidates.is_empty() {
                return self.count(legacy_documents()).await;
            }
        }
        Ok(0)
    }

    /// Returns the report of what [`run`](Self::run) would do. Reads all documents in the legacy format and changes
    /// nothing.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn plan(&self) -> Result<MigrationReport, StoreError> {
        let mut report = self.new_report().await?;
        let mut batches = Batches::open(&self.database).await?;
        while let Some(documents) = batches.next().await? {
            let partition = self.partition(documents).await?;
            let partition = partition.without_ids_in_use(&self.database).await?;
            for candidate in partition.candidates {
                report.add_conversation(candidate.legacy.counts());
                report.add_left_out(&candidate.id, &candidate.legacy.left_out);
            }
            partition.skipped.into_iter().for_each(|skipped| report.add_skipped(skipped));
        }
        report.dropped_index = self.find_legacy_text_index().await?;
        Ok(report)
    }

    /// Returns the users of the Flask application, in the order of their ids: those with documents in the legacy format,
    /// and those in the backup of migrated ones. Reads all of these documents. Memory use is proportional to the number
    /// of users.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn users(&self) -> Result<Vec<FlaskUser>, StoreError> {
        users::list(&self.database).await
    }

    /// Migrates all documents in the legacy format. Waits while another migration is running.
    ///
    /// The migration can be interrupted at any point, even by a crash, and run again: each conversation is either
    /// unchanged or completely migrated. If the future is dropped, the next run has to wait until the lease expires.
    ///
    /// # Errors
    /// See [`MigrationError`].
    pub async fn run(
        &self,
        mut progress: impl FnMut(MigrationProgress) + Send,
    ) -> Result<MigrationReport, MigrationError> {
        let lock = Lock::new(&self.database, self.lease);
        let held = acquire(&lock, &mut progress).await?;
        let report = tokio::select! {
            report = self.run_locked(held, &mut progress) => report,
            () = lock.keep_renewing() => Err(MigrationError::TakenOver),
        };
        if let Err(error) = lock.release().await {
            tracing::warn!(%error, "failed to release the migration lock; it is held until its lease expires");
        }
        report
    }
}

impl FlaskMigration {
    async fn run_locked(
        &self,
        mut lock: HeldLock<'_>,
        progress: &mut (impl FnMut(MigrationProgress) + Send),
    ) -> Result<MigrationReport, MigrationError> {
        let mut report = self.new_report().await?;
        let total = self.count(legacy_documents()).await?;
        let mut batches = Batches::open(&self.database).await?;
        while let Some(documents) = batches.next().await? {
            for skipped in self.migrate(&mut lock, documents, &mut report).await? {
                report.add_skipped(skipped.clone());
                progress(MigrationProgress::Skipped(skipped));
            }
            progress(MigrationProgress::Migrated {
                conversations: report.conversations,
                messages: report.messages,
                skipped: report.skipped,
                total,
            });
        }
        report.dropped_index = self.drop_legacy_text_index().await?;
        Ok(report)
    }

    /// Migrates a batch and returns the documents that were skipped.
    async fn migrate(
        &self,
        lock: &mut HeldLock<'_>,
        documents: Vec<RawDocumentBuf>,
        report: &mut MigrationReport,
    ) -> Result<Vec<Skipped>, MigrationError> {
        let partition = self.partition(documents).await?;
        // A deleted conversation may have had the id of one of these documents: its messages must be deleted before new
        // ones are written under this id.
        removals::delete_all_pending(&self.database).await?;
        let Partition { candidates, mut skipped } =
            partition.without_ids_in_use(&self.database).await?;
        let batch = self.convert(candidates).await?;
        let reasons = writes::migrate(lock, &batch).await?;
        for (converted, reason) in batch.iter().zip(reasons) {
            match reason {
                None => {
                    report.add_conversation(converted.counts);
                    report.add_left_out(&converted.id, &converted.left_out);
                }
                Some(reason) => skipped.push(Skipped::new(&converted.id, reason)),
            }
        }
        Ok(skipped)
    }

    async fn partition(&self, documents: Vec<RawDocumentBuf>) -> Result<Partition, StoreError> {
        partition::parse(documents).await?.without_duplicates(&self.database).await
    }

    async fn convert(&self, candidates: Vec<Candidate>) -> Result<Vec<Converted>, StoreError> {
        let count_tokens = Arc::clone(&self.count_tokens);
        let convert = move |candidate| Converted::new(candidate, &count_tokens);
        blocking(move || candidates.into_iter().map(convert).collect()).await
    }

    async fn new_report(&self) -> Result<MigrationReport, StoreError> {
        let already_current = self.count(current_schema_filter()).await?;
        Ok(MigrationReport { already_current, ..MigrationReport::default() })
    }

    async fn count(&self, filter: Document) -> Result<u64, StoreError> {
        self.database.run(self.conversations().count_documents(filter)).await
    }

    /// Drops the Flask application's text index. It would only slow down writes, because migrated conversations don't
    /// have its field.
    async fn drop_legacy_text_index(&self) -> Result<Option<String>, StoreError> {
        let index = self.find_legacy_text_index().await?;
        if let Some(name) = &index {
            self.database.run(self.conversations().drop_index(name)).await?;
        }
        Ok(index)
    }

    async fn find_legacy_text_index(&self) -> Result<Option<String>, StoreError> {
        let conversations = self.conversations();
        let list = async {
            match conversations.list_indexes().await {
                Ok(indexes) => indexes.try_collect().await,
                Err(error) if code(&error.kind) == Some(NAMESPACE_NOT_FOUND) => Ok(Vec::new()),
                Err(error) => Err(error),
            }
        };
        let indexes: Vec<IndexModel> = self.database.run(list).await?;
        let mut options = indexes.into_iter().filter_map(|index| index.options);
        let covers_texts = |weights: &Document| weights.contains_key("conversation_text");
        let found = options.find(|options| options.weights.as_ref().is_some_and(covers_texts));
        Ok(found.and_then(|options| options.name))
    }

    fn conversations(&self) -> Collection<Document> {
        self.database.raw().collection(CONVERSATIONS)
    }
}

impl fmt::Debug for FlaskMigration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlaskMigration")
            .field("location", &self.database.location())
            .finish_non_exhaustive()
    }
}

async fn acquire<'a>(
    lock: &'a Lock<'a>,
    progress: &mut (impl FnMut(MigrationProgress) + Send),
) -> Result<HeldLock<'a>, StoreError> {
    if let Some(held) = lock.try_acquire().await? {
        return Ok(held);
    }
    progress(MigrationProgress::Waiting);
    loop {
        sleep(LOCK_POLL_INTERVAL).await;
        if let Some(held) = lock.try_acquire().await? {
            return Ok(held);
        }
    }
}
