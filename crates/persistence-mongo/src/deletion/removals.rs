//! Pending deletions: ranges of messages already hidden from readers but not yet deleted. The collection is `removals`.

use futures_util::{FutureExt, TryStreamExt};
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, Document, doc};
use mongodb::error::Result as MongoResult;
use webchat_domain::{ConversationId, UserId};
use webchat_persistence::StoreError;

use crate::database::{MAX_DOCUMENTS, MongoDatabase, READ_TIME, Transaction};
use crate::documents::{ConversationDocument, PendingDeletionDocument};
use crate::schema::MESSAGES;

/// Records that all current messages of the conversation are to be deleted.
pub(crate) async fn schedule(
    transaction: Transaction<'_>,
    conversation: &ConversationDocument,
) -> MongoResult<()> {
    let deletion = PendingDeletionDocument {
        id: ObjectId::new(),
        conversation_id: conversation.conversation_id,
        user_id: conversation.user_id,
        through: conversation.last_position,
    };
    let removals = transaction.database.removals();
    removals.insert_one(deletion).session(transaction.session).await?;
    Ok(())
}

/// Returns the user's pending deletions.
pub(crate) async fn pending(
    database: &MongoDatabase,
    user_id: UserId,
) -> MongoResult<Vec<PendingDeletionDocument>> {
    let by_user = doc! { "user_id": user_id.to_string() };
    database.removals().find(by_user).max_time(READ_TIME).await?.try_collect().await
}

/// Returns whether messages of a deleted or reset conversation with this id still have to be deleted.
pub(crate) async fn is_pending_for(
    transaction: &mut Transaction<'_>,
    id: ConversationId,
) -> MongoResult<bool> {
    let of_conversation = doc! { "conversation_id": id.to_string() };
    let removals = transaction.database.removals();
    Ok(removals
        .find_one(of_conversation)
        .max_time(READ_TIME)
        .session(&mut *transaction.session)
        .await?
        .is_some())
}

/// Completes all pending deletions.
pub(crate) async fn delete_all_pending(database: &MongoDatabase) -> Result<(), StoreError> {
    let removals = database.removals();
    while let Some(deletion) = database.run(removals.find_one(doc! {}).max_time(READ_TIME)).await? {
        let delete_more = async || {
            let deletion = deletion.clone();
            database
                .transaction(deletion, |transaction, deletion| {
                    delete_batch(transaction, deletion).boxed()
                })
                .await
        };
        while delete_more().await? {}
    }
    Ok(())
}

/// Deletes a batch of the messages, or the record of the deletion if there are none. Returns whether there may be more
/// messages.
///
/// Each transaction writes to the record, so that two concurrent transactions conflict. Otherwise one of them could
/// commit after the conversation id was reused, and delete new messages.
async fn delete_batch(
    mut transaction: Transaction<'_>,
    deletion: &PendingDeletionDocument,
) -> MongoResult<bool> {
    let (this, touch) = (doc! { "_id": deletion.id }, doc! { "$inc": { "times": 1_i64 } });
    let removals = transaction.database.removals();
    let update =
        removals.update_one(this.clone(), touch).session(&mut *transaction.session).await?;
    if update.matched_count == 0 {
        return Ok(false);
    }
    let ids = find_batch(&mut transaction, deletion).await?;
    if ids.is_empty() {
        removals.delete_one(this).session(transaction.session).await?;
        return Ok(false);
    }
    let messages = transaction.database.messages();
    messages.delete_many(doc! { "_id": { "$in": ids } }).session(transaction.session).await?;
    Ok(true)
}

async fn find_batch(
    transaction: &mut Transaction<'_>,
    deletion: &PendingDeletionDocument,
) -> MongoResult<Vec<Bson>> {
    let messages = transaction.database.raw().collection::<Document>(MESSAGES);
    let mut cursor = messages
        .find(deletion.messages())
        .max_time(READ_TIME)
        .projection(doc! { "_id": 1 })
        .limit(i64::from(MAX_DOCUMENTS))
        .session(&mut *transaction.session)
        .await?;
    let documents: Vec<Document> = cursor.stream(transaction.session).try_collect().await?;
    Ok(documents.into_iter().filter_map(|mut document| document.remove("_id")).collect())
}
