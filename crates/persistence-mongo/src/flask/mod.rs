//! The Flask application's conversations, carried over in place.
//!
//! It kept each conversation in one document. What becomes of one is written in steps, of which the
//! last shows it all at once; see [`writes`].

mod batches;
mod carried;
mod ids;
mod lock;
mod old;
mod report;
mod sift;
mod writes;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt;
use mongodb::bson::{Document, RawDocumentBuf, doc};
use mongodb::{Collection, IndexModel};
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use webchat_persistence::StoreError;

use self::batches::Batches;
use self::carried::{Candidate, Carried};
use self::lock::{HeldLock, Lock};
pub use self::report::{FlaskError, FlaskProgress, FlaskReport, LeftBehind, Reason};
use self::sift::Sifted;
use crate::definitions::CONVERSATIONS;
use crate::error::code;
use crate::{MongoDatabase, removals};

/// How long a migration may stand still before another one may take its place.
const LEASE: Duration = Duration::from_secs(30);

/// How long the server may take for one step.
const PATIENCE: Duration = Duration::from_mins(2);

/// How often it looks whether another migration has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// What the server says of a collection that isn't there.
const NAMESPACE_NOT_FOUND: i32 = 26;

/// Counts the tokens of a text.
pub type CountTokens = Arc<dyn Fn(&str) -> u32 + Send + Sync>;

/// Carries over, in place, what the Flask application has written into a database.
///
/// The database's schema must have been prepared, but for [`waiting`](Self::waiting) and
/// [`plan`](Self::plan). The Flask application should not be running; servers of Webchat may.
///
/// Memory is bounded by a batch of documents: 250, or 4 MB of them, or one.
#[derive(Clone)]
pub struct FlaskMigration {
    database: MongoDatabase,
    count_tokens: CountTokens,
    lease: Duration,
}

impl FlaskMigration {
    /// A migration of this database. `count_tokens` says how many tokens a message has; it runs on
    /// threads that may block.
    #[must_use]
    pub fn new(database: &MongoDatabase, count_tokens: CountTokens) -> Self {
        Self { database: database.with_patience(PATIENCE), count_tokens, lease: LEASE }
    }

    /// How long it may stand still before another one may take its place, instead of 30 s.
    #[must_use]
    pub fn with_lease(self, lease: Duration) -> Self {
        Self { lease, ..self }
    }

    /// How many documents wait in the old form; 0 if none of them can be carried over. For a server
    /// that starts: the collection is scanned once, but only a few of the documents are transferred,
    /// unless many can't be carried over.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn waiting(&self) -> Result<u64, StoreError> {
        let mut batches = Batches::of(&self.database).await?;
        while let Some(documents) = batches.next().await? {
            let sifted = self.sift(documents).await?.without_others(&self.database).await?;
            if !sifted.candidates.is_empty() {
                return self.count(batches::old()).await;
            }
        }
        Ok(0)
    }

    /// What [`run`](Self::run) would do. Reads all documents that wait, and changes nothing.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn plan(&self) -> Result<FlaskReport, StoreError> {
        let mut report = self.empty_report().await?;
        let mut batches = Batches::of(&self.database).await?;
        while let Some(documents) = batches.next().await? {
            let sifted = self.sift(documents).await?.without_others(&self.database).await?;
            sifted.candidates.iter().for_each(|candidate| report.count(candidate.old.counts()));
            sifted.left_behind.into_iter().for_each(|left| report.leave_behind(left));
        }
        report.dropped_index = self.old_text_index().await?;
        Ok(report)
    }

    /// Carries over all documents that wait. While somebody else does so, it waits.
    ///
    /// It can be interrupted at any point, also by the loss of the process, and be run again: each
    /// conversation is either as the Flask application left it, or carried over as a whole. If the
    /// future is dropped, the next run has to wait for the lease's end.
    ///
    /// # Errors
    /// See [`FlaskError`].
    pub async fn run(
        &self,
        mut progress: impl FnMut(FlaskProgress) + Send,
    ) -> Result<FlaskReport, FlaskError> {
        let lock = Lock::new(&self.database, self.lease);
        let held = take(&lock, &mut progress).await?;
        let report = tokio::select! {
            report = self.run_alone(held, &mut progress) => report,
            () = lock.keep() => Err(FlaskError::TakenOver),
        };
        if let Err(error) = lock.give_back().await {
            tracing::warn!(%error, "the lock of the migration stays until it lapses");
        }
        report
    }
}

impl FlaskMigration {
    async fn run_alone(
        &self,
        mut lock: HeldLock<'_>,
        progress: &mut (impl FnMut(FlaskProgress) + Send),
    ) -> Result<FlaskReport, FlaskError> {
        let mut report = self.empty_report().await?;
        let of = self.count(batches::old()).await?;
        let mut batches = Batches::of(&self.database).await?;
        while let Some(documents) = batches.next().await? {
            for left in self.carry_over(&mut lock, documents, &mut report).await? {
                report.leave_behind(left.clone());
                progress(FlaskProgress::LeftBehind(left));
            }
            progress(FlaskProgress::Carried {
                conversations: report.conversations,
                messages: report.messages,
                left_behind: report.left_behind,
                of,
            });
        }
        report.dropped_index = self.drop_old_text_index().await?;
        Ok(report)
    }

    /// Answers what it had to leave behind.
    async fn carry_over(
        &self,
        lock: &mut HeldLock<'_>,
        documents: Vec<RawDocumentBuf>,
        report: &mut FlaskReport,
    ) -> Result<Vec<LeftBehind>, FlaskError> {
        let sifted = self.sift(documents).await?;
        // A conversation that was deleted may have had the id of one of these: its messages must be
        // gone before others come in their place.
        removals::finish(&self.database).await?;
        let Sifted { candidates, mut left_behind } = sifted.without_others(&self.database).await?;
        let batch = self.count_tokens(candidates).await?;
        let reasons = writes::carry_over(lock, &batch).await?;
        for (carried, reason) in batch.iter().zip(reasons) {
            match reason {
                None => report.count(carried.counts),
                Some(reason) => left_behind.push(LeftBehind::new(&carried.id, reason)),
            }
        }
        Ok(left_behind)
    }

    async fn sift(&self, documents: Vec<RawDocumentBuf>) -> Result<Sifted, StoreError> {
        sift::read(documents).await?.without_duplicates(&self.database).await
    }

    async fn count_tokens(&self, candidates: Vec<Candidate>) -> Result<Vec<Carried>, StoreError> {
        let count_tokens = Arc::clone(&self.count_tokens);
        let carried = move |candidate| Carried::new(candidate, &count_tokens);
        blocking(move || candidates.into_iter().map(carried).collect()).await
    }

    async fn empty_report(&self) -> Result<FlaskReport, StoreError> {
        let already_there = self.count(doc! { "schema": { "$exists": true } }).await?;
        Ok(FlaskReport { already_there, ..FlaskReport::default() })
    }

    async fn count(&self, which: Document) -> Result<u64, StoreError> {
        self.database.answer(self.conversations().count_documents(which)).await
    }

    /// No conversation has its field any more, but each change of one would have to look at it.
    async fn drop_old_text_index(&self) -> Result<Option<String>, StoreError> {
        let index = self.old_text_index().await?;
        if let Some(name) = &index {
            self.database.answer(self.conversations().drop_index(name)).await?;
        }
        Ok(index)
    }

    async fn old_text_index(&self) -> Result<Option<String>, StoreError> {
        let conversations = self.conversations();
        let found = async {
            match conversations.list_indexes().await {
                Ok(indexes) => indexes.try_collect().await,
                Err(error) if code(&error.kind) == Some(NAMESPACE_NOT_FOUND) => Ok(Vec::new()),
                Err(error) => Err(error),
            }
        };
        let indexes: Vec<IndexModel> = self.database.answer(found).await?;
        let mut options = indexes.into_iter().filter_map(|index| index.options);
        let is_of_texts = |weights: &Document| weights.contains_key("conversation_text");
        let found = options.find(|options| options.weights.as_ref().is_some_and(is_of_texts));
        Ok(found.and_then(|options| options.name))
    }

    fn conversations(&self) -> Collection<Document> {
        self.database.raw().collection(CONVERSATIONS)
    }
}

impl fmt::Debug for FlaskMigration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlaskMigration")
            .field("place", &self.database.place())
            .finish_non_exhaustive()
    }
}

async fn take<'a>(
    lock: &'a Lock<'a>,
    progress: &mut (impl FnMut(FlaskProgress) + Send),
) -> Result<HeldLock<'a>, StoreError> {
    if let Some(held) = lock.take().await? {
        return Ok(held);
    }
    progress(FlaskProgress::Waiting);
    loop {
        sleep(LOOK_AGAIN).await;
        if let Some(held) = lock.take().await? {
            return Ok(held);
        }
    }
}

/// Work that would hold up others if it were done on an async thread.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StoreError> {
    spawn_blocking(work).await.map_err(StoreError::fault)
}
