//! The lock that lets only one migration run at a time, even if many servers start together.
//!
//! The lock is a document in the database with a lease that must be renewed. Each transaction of a
//! migration renews the lease too, and fails if another migration has acquired the lock: a process that
//! stalled and resumes can't write any more.
//!
//! A process that is killed leaves its transaction open, and the server blocks other writers of the same documents for up
//! to a minute. Therefore the lock document also contains the session of that transaction, and the next holder ends that
//! session.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mongodb::bson::{Bson, Document, doc};
use mongodb::error::Result as MongoResult;
use mongodb::options::ReturnDocument;
use mongodb::{ClientSession, Collection};
use tokio::time::sleep;
use uuid::Uuid;
use webchat_persistence::StoreError;

use super::report::MigrationError;
use crate::database::MongoDatabase;
use crate::database::Transaction;
use crate::error::code;
use crate::schema::META;

/// The `_id` of the lock document.
const LOCK_ID: &str = "flask_migration";

/// The server's error code when two processes insert the lock document at the same time.
const DUPLICATE_KEY: i32 = 11_000;

pub(super) struct Lock<'a> {
    database: &'a MongoDatabase,
    collection: Collection<Document>,
    holder: String,
    lease: Duration,
}

/// An acquired lock. All of its transactions run in one session.
pub(super) struct HeldLock<'a> {
    lock: &'a Lock<'a>,
    session: ClientSession,
}

impl<'a> Lock<'a> {
    pub(super) fn new(database: &'a MongoDatabase, lease: Duration) -> Self {
        let collection = database.raw().collection(META);
        Self { database, collection, holder: Uuid::new_v4().to_string(), lease }
    }

    /// Acquires the lock. Returns `None` if another migration holds it.
    pub(super) async fn try_acquire(&'a self) -> Result<Option<HeldLock<'a>>, StoreError> {
        if !self.end_expired_session().await? {
            return Ok(None);
        }
        let session = self.database.start_session().await?;
        let lock = self.database.run(self.write_holder(session.id())).await?;
        let is_acquired = lock
            .is_some_and(|lock| lock.get_str("holder").is_ok_and(|holder| holder == self.holder));
        Ok(is_acquired.then_some(HeldLock { lock: self, session }))
    }

    /// Renews the lease three times per lease period. Returns when another migration has acquired the
    /// lock.
    pub(super) async fn keep_renewing(&self) {
        loop {
            sleep(self.lease / 3).await;
            let renewed = self.collection.update_one(self.held(), self.renewal());
            if self.database.run(renewed).await.is_ok_and(|renewed| renewed.matched_count == 0) {
                return;
            }
        }
    }

    /// Releases the lock before its lease expires.
    pub(super) async fn release(&self) -> Result<(), StoreError> {
        self.database.run(self.collection.delete_one(self.held())).await?;
        Ok(())
    }

    /// Writes this holder if the lock is free, and returns the document. Uses the server's clock, because the clocks
    /// of the machines may differ.
    async fn write_holder(&self, session: &Document) -> MongoResult<Option<Document>> {
        let if_free = |new: Bson, current| doc! { "$cond": ["$is_free", new, current] };
        let pipeline = [
            // A missing field sorts before every date.
            doc! { "$set": { "is_free": { "$lte": ["$until", "$$NOW"] } } },
            doc! { "$set": {
                "holder": if_free(self.holder.clone().into(), "$holder"),
                "session": if_free(session.into(), "$session"),
                "until": if_free(self.expiry().into(), "$until"),
            } },
            doc! { "$unset": "is_free" },
        ];
        let update = self
            .collection
            .find_one_and_update(doc! { "_id": LOCK_ID }, pipeline.to_vec())
            .upsert(true)
            .return_document(ReturnDocument::After);
        match update.await {
            Err(error) if code(&error.kind) == Some(DUPLICATE_KEY) => Ok(None),
            updated => updated,
        }
    }

    /// Ends the session of a holder whose lease has expired. Returns `false` if the lease has not expired. Only reads
    /// the lock document, because a write would wait for the transactions of that session.
    async fn end_expired_session(&self) -> Result<bool, StoreError> {
        let is_expired = doc! { "$lte": ["$until", "$$NOW"] };
        let find = self
            .collection
            .find_one(doc! { "_id": LOCK_ID })
            .projection(doc! { "session": 1, "is_expired": is_expired });
        let Some(lock) = self.database.run(find).await? else { return Ok(true) };
        let is_expired = lock.get_bool("is_expired").unwrap_or(true);
        if is_expired && let Ok(session) = lock.get_document("session") {
            let end = doc! { "killSessions": [session] };
            if let Err(error) = self.database.run(self.database.raw().run_command(end)).await {
                tracing::warn!(
                    %error,
                    "failed to end the session of a dead migration; it may block this one for a minute"
                );
            }
        }
        Ok(is_expired)
    }

    fn held(&self) -> Document {
        doc! { "_id": LOCK_ID, "holder": &self.holder }
    }

    fn renewal(&self) -> Vec<Document> {
        vec![doc! { "$set": { "until": self.expiry() } }]
    }

    fn expiry(&self) -> Document {
        let lease = i64::try_from(self.lease.as_millis()).unwrap_or(i64::MAX);
        doc! { "$add": ["$$NOW", lease] }
    }
}

impl HeldLock<'_> {
    /// Runs `work` in a transaction that commits only if the lock is still held.
    pub(super) async fn transaction<C: Send + Sync, T>(
        &mut self,
        context: C,
        work: impl for<'t> Fn(Transaction<'t>, &'t C) -> BoxFuture<'t, MongoResult<T>> + Send + Sync,
    ) -> Result<T, MigrationError> {
        let all = (self.lock, context, work);
        let result = self.lock.database.transaction_in(
            &mut self.session,
            all,
            |Transaction { database, session }, (lock, context, work)| {
                async move {
                    let renewed = lock.collection.update_one(lock.held(), lock.renewal());
                    if renewed.session(&mut *session).await?.matched_count == 0 {
                        return Ok(None);
                    }
                    work(Transaction { database, session }, context).await.map(Some)
                }
                .boxed()
            },
        );
        result.await?.ok_or(MigrationError::TakenOver)
    }
}
