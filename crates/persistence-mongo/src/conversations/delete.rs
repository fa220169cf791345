//! Deleting and resetting a conversation.

use mongodb::bson::{DateTime, doc, serialize_to_document};
use mongodb::error::Result as MongoResult;
use webchat_domain::{ConversationId, Timestamp, UserId};

use crate::database::Transaction;
use crate::deletion::removals;
use crate::documents::{ContextDocument, date, long};
use crate::files::delete_jobs;
use crate::queries::{by_owner, find_conversation, without_context};

/// Deletes a conversation, and schedules the deletion of its messages.
pub(super) async fn delete(
    mut transaction: Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
) -> MongoResult<bool> {
    let conversations = transaction.database.conversations();
    let deleted = conversations
        .find_one_and_delete(by_owner(user_id, id))
        .projection(without_context())
        .session(&mut *transaction.session)
        .await?;
    let Some(deleted) = deleted else {
        return Ok(false);
    };
    delete_jobs(&mut transaction, id).await?;
    removals::schedule(transaction, &deleted).await?;
    Ok(true)
}

/// Resets a conversation, and schedules the deletion of its messages.
pub(super) async fn reset(
    mut transaction: Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    now: Timestamp,
) -> MongoResult<bool> {
    let Some(conversation) = find_conversation(&mut transaction, by_owner(user_id, id)).await?
    else {
        return Ok(false);
    };
    let update = doc! {
        "$set": {
            "updated_at": date(now),
            "message_count": 0_i64,
            "total_tokens": 0_i64,
            "head": Option::<String>::None,
            "running_turn": Option::<String>::None,
            "lease_until": Option::<DateTime>::None,
            "emptied_through": long(conversation.last_position),
            "context": serialize_to_document(&ContextDocument::default())?,
        },
        // So that a concurrent change of the context fails.
        "$inc": { "context_revision": 1_i64 },
    };
    transaction
        .database
        .conversations()
        .update_one(by_owner(user_id, id), update)
        .session(&mut *transaction.session)
        .await?;
    delete_jobs(&mut transaction, id).await?;
    removals::schedule(transaction, &conversation).await?;
    Ok(true)
}
