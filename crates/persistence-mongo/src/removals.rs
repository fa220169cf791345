//! Taking away the messages of conversations that were deleted or reset.
//!
//! A long conversation has more messages than one transaction can delete. So a transaction only
//! makes them invisible and notes that they are to be removed; a task does that, some at a time, and
//! after a crash whoever opens the store next goes on with it.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, TryStreamExt};
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, Document, doc};
use mongodb::error::Result as MongoResult;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::sleep;
use webchat_domain::{ConversationId, UserId};
use webchat_persistence::StoreError;

use crate::MongoDatabase;
use crate::database::Transaction;
use crate::definitions::MESSAGES;
use crate::documents::{ConversationDocument, RemovalDocument};

/// How many messages one transaction deletes.
const AT_ONCE: i64 = 500;

/// After how long what failed is tried again.
const PAUSE: Duration = Duration::from_secs(10);

/// The task that removes. It ends when this is dropped, at any point without harm.
pub(crate) struct Remover {
    wake: Arc<Notify>,
    _task: JoinSet<()>,
}

impl Remover {
    pub(crate) fn start(database: MongoDatabase) -> Self {
        let wake = Arc::new(Notify::new());
        let mut task = JoinSet::new();
        task.spawn(run(database, Arc::clone(&wake)));
        Self { wake, _task: task }
    }

    /// There is something to remove.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }
}

/// Notes that nobody sees the messages any more that the conversation has had so far.
pub(crate) async fn order(
    transaction: Transaction<'_>,
    conversation: &ConversationDocument,
) -> MongoResult<()> {
    let removal = RemovalDocument {
        id: ObjectId::new(),
        conversation_id: conversation.conversation_id,
        user_id: conversation.user_id,
        through: conversation.last_position,
    };
    let removals = transaction.database.removals();
    removals.insert_one(removal).session(transaction.session).await?;
    Ok(())
}

/// What of `user_id`'s is still to be removed.
pub(crate) async fn pending(
    database: &MongoDatabase,
    user_id: UserId,
) -> MongoResult<Vec<RemovalDocument>> {
    let owners = doc! { "user_id": user_id.to_string() };
    database.removals().find(owners).await?.try_collect().await
}

/// Whether messages of a deleted conversation with this id are still to be removed.
pub(crate) async fn has_remains(
    transaction: &mut Transaction<'_>,
    id: ConversationId,
) -> MongoResult<bool> {
    let remains = doc! { "conversation_id": id.to_string() };
    let removals = transaction.database.removals();
    Ok(removals.find_one(remains).session(&mut *transaction.session).await?.is_some())
}

/// Removes all there is to remove.
pub(crate) async fn finish(database: &MongoDatabase) -> Result<(), StoreError> {
    let removals = database.removals();
    while let Some(removal) = database.answer(removals.find_one(doc! {})).await? {
        let more = async || {
            let removal = removal.clone();
            database.transaction(removal, |transaction, one| remove(transaction, one).boxed()).await
        };
        while more().await? {}
    }
    Ok(())
}

async fn run(database: MongoDatabase, wake: Arc<Notify>) {
    loop {
        match finish(&database).await {
            Ok(()) => wake.notified().await,
            Err(error) => {
                tracing::warn!(error = error.source(), "can't remove deleted messages yet");
                sleep(PAUSE).await;
            }
        }
    }
}

/// Removes some. `false`: there are no more.
///
/// The note is written each time, so that of two transactions by one note the later one fails. It
/// could otherwise begin after the id was put to use again, and remove what is new.
async fn remove(mut transaction: Transaction<'_>, removal: &RemovalDocument) -> MongoResult<bool> {
    let (note, begun) = (doc! { "_id": removal.id }, doc! { "$inc": { "times": 1_i64 } });
    let removals = transaction.database.removals();
    let held = removals.update_one(note.clone(), begun).session(&mut *transaction.session).await?;
    if held.matched_count == 0 {
        return Ok(false);
    }
    let found = find_some(&mut transaction, removal).await?;
    if found.is_empty() {
        removals.delete_one(note).session(transaction.session).await?;
        return Ok(false);
    }
    let messages = transaction.database.messages();
    messages.delete_many(doc! { "_id": { "$in": found } }).session(transaction.session).await?;
    Ok(true)
}

async fn find_some(
    transaction: &mut Transaction<'_>,
    removal: &RemovalDocument,
) -> MongoResult<Vec<Bson>> {
    let messages = transaction.database.raw().collection::<Document>(MESSAGES);
    let mut found = messages
        .find(removal.messages())
        .projection(doc! { "_id": 1 })
        .limit(AT_ONCE)
        .session(&mut *transaction.session)
        .await?;
    let documents: Vec<Document> = found.stream(transaction.session).try_collect().await?;
    Ok(documents.into_iter().filter_map(|mut document| document.remove("_id")).collect())
}
