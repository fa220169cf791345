//! Deleting and resetting a conversation.

use mongodb::bson::{doc, serialize_to_document};
use mongodb::error::Result as MongoResult;
use webchat_domain::{ConversationId, Timestamp, UserId};
use webchat_persistence::rules;

use crate::database::Transaction;
use crate::deletion::removals;
use crate::documents::{ContextDocument, long};
use crate::files::delete_jobs;
use crate::queries::{
    by_owner, find_conversation, update_conversation, update_state, without_context,
};

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
    update_state(&mut transaction, &rules::reset(conversation.state(), now)).await?;
    let change = doc! { "$set": {
        "emptied_through": long(conversation.last_position),
        "context": serialize_to_document(&ContextDocument::default())?,
        "context_revision": long(rules::next_revision(conversation.context_revision)),
    } };
    update_conversation(&mut transaction, &conversation, change).await?;
    delete_jobs(&mut transaction, id).await?;
    removals::schedule(transaction, &conversation).await?;
    Ok(true)
}
