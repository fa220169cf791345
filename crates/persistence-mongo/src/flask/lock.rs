//! One migration at a time, however many servers start at once.
//!
//! Who migrates holds a note in the database, which lapses unless it is renewed. Each transaction of a
//! migration renews it too, and thereby fails if somebody else has taken the note: a migration that
//! stood still and wakes up again can't write any more.
//!
//! A process that is killed leaves its transaction open, and the server keeps others from what was
//! written in it, up to a minute long. So the note also says in which session that is, and who takes
//! it over ends that session.

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

use super::report::FlaskError;
use crate::MongoDatabase;
use crate::database::Transaction;
use crate::definitions::META;
use crate::error::code;

const NOTE: &str = "flask_migration";

/// What the server says when two insert a note at the same time.
const DUPLICATE_KEY: i32 = 11_000;

pub(super) struct Lock<'a> {
    database: &'a MongoDatabase,
    notes: Collection<Document>,
    holder: String,
    lease: Duration,
}

/// The lock, taken. Its transactions are all of one session.
pub(super) struct HeldLock<'a> {
    lock: &'a Lock<'a>,
    session: ClientSession,
}

impl<'a> Lock<'a> {
    pub(super) fn new(database: &'a MongoDatabase, lease: Duration) -> Self {
        let notes = database.raw().collection(META);
        Self { database, notes, holder: Uuid::new_v4().to_string(), lease }
    }

    /// Takes the note. `None`: somebody else has it.
    pub(super) async fn take(&'a self) -> Result<Option<HeldLock<'a>>, StoreError> {
        if !self.make_free().await? {
            return Ok(None);
        }
        let session = self.database.start_session().await?;
        let note = self.database.answer(self.take_note(session.id())).await?;
        let is_ours = note
            .is_some_and(|note| note.get_str("holder").is_ok_and(|holder| holder == self.holder));
        Ok(is_ours.then_some(HeldLock { lock: self, session }))
    }

    /// Renews it again and again. Ends when somebody else has taken it.
    pub(super) async fn keep(&self) {
        loop {
            sleep(self.lease / 3).await;
            let renewed = self.notes.update_one(self.held(), self.renewal());
            if self.database.answer(renewed).await.is_ok_and(|renewed| renewed.matched_count == 0) {
                return;
            }
        }
    }

    /// Ends it before it lapses.
    pub(super) async fn give_back(&self) -> Result<(), StoreError> {
        self.database.answer(self.notes.delete_one(self.held())).await?;
        Ok(())
    }

    /// By the server's clock, as those of the machines may differ.
    async fn take_note(&self, session: &Document) -> MongoResult<Option<Document>> {
        let unless_held = |ours: Bson, theirs| doc! { "$cond": ["$is_free", ours, theirs] };
        let taken = [
            // What is missing comes before all.
            doc! { "$set": { "is_free": { "$lte": ["$until", "$$NOW"] } } },
            doc! { "$set": {
                "holder": unless_held(self.holder.clone().into(), "$holder"),
                "session": unless_held(session.into(), "$session"),
                "until": unless_held(self.lapse().into(), "$until"),
            } },
            doc! { "$unset": "is_free" },
        ];
        let take = self
            .notes
            .find_one_and_update(doc! { "_id": NOTE }, taken.to_vec())
            .upsert(true)
            .return_document(ReturnDocument::After);
        match take.await {
            Err(error) if code(&error.kind) == Some(DUPLICATE_KEY) => Ok(None),
            taken => taken,
        }
    }

    /// Ends the session of who had the note until it lapsed. `false`: it has not. Only reads until then:
    /// a write that finds it lapsed would wait for the transactions of that session.
    async fn make_free(&self) -> Result<bool, StoreError> {
        let is_lapsed = doc! { "$lte": ["$until", "$$NOW"] };
        let find = self
            .notes
            .find_one(doc! { "_id": NOTE })
            .projection(doc! { "session": 1, "is_lapsed": is_lapsed });
        let Some(note) = self.database.answer(find).await? else { return Ok(true) };
        let is_lapsed = note.get_bool("is_lapsed").unwrap_or(true);
        if is_lapsed && let Ok(session) = note.get_document("session") {
            let end = doc! { "killSessions": [session] };
            if let Err(error) = self.database.answer(self.database.raw().run_command(end)).await {
                tracing::warn!(%error, "a migration that has died may hold up this one for a minute");
            }
        }
        Ok(is_lapsed)
    }

    fn held(&self) -> Document {
        doc! { "_id": NOTE, "holder": &self.holder }
    }

    fn renewal(&self) -> Vec<Document> {
        vec![doc! { "$set": { "until": self.lapse() } }]
    }

    fn lapse(&self) -> Document {
        let lease = i64::try_from(self.lease.as_millis()).unwrap_or(i64::MAX);
        doc! { "$add": ["$$NOW", lease] }
    }
}

impl HeldLock<'_> {
    /// Runs `work` in a transaction that is only done if the note is still held.
    pub(super) async fn transaction<C: Send + Sync, T>(
        &mut self,
        context: C,
        work: impl for<'t> Fn(Transaction<'t>, &'t C) -> BoxFuture<'t, MongoResult<T>> + Send + Sync,
    ) -> Result<T, FlaskError> {
        let all = (self.lock, context, work);
        let done = self.lock.database.transaction_in(
            &mut self.session,
            all,
            |Transaction { database, session }, (lock, context, work)| {
                async move {
                    let renewed = lock.notes.update_one(lock.held(), lock.renewal());
                    if renewed.session(&mut *session).await?.matched_count == 0 {
                        return Ok(None);
                    }
                    work(Transaction { database, session }, context).await.map(Some)
                }
                .boxed()
            },
        );
        done.await?.ok_or(FlaskError::TakenOver)
    }
}
