//! Creating a conversation.

use mongodb::bson::doc;
use mongodb::error::Result as MongoResult;
use webchat_domain::{Context, ConversationId, Timestamp, UserId};
use webchat_persistence::StoredConversation;
use webchat_persistence::rules::{self, ConversationState};

use crate::database::{READ_TIME, Transaction};
use crate::deletion::removals;
use crate::documents::ConversationDocument;
use crate::erasures::is_erased;

/// Returns an empty conversation.
pub(super) fn new_conversation(
    user_id: UserId,
    id: ConversationId,
    now: Timestamp,
) -> ConversationDocument {
    let ConversationState { conversation, head, last_position, .. } =
        rules::new_conversation(id, now);
    let context = Context::default();
    ConversationDocument::new(StoredConversation {
        user_id,
        conversation,
        head,
        last_position,
        context,
    })
}

/// Inserts the conversation. Returns `false` if its id is in use, if the user was erased, or if a deleted conversation with this id still has
/// messages.
pub(super) async fn create(
    mut transaction: Transaction<'_>,
    document: &ConversationDocument,
) -> MongoResult<bool> {
    if is_erased(&mut transaction, document.user_id).await? {
        return Ok(false);
    }
    let conversations = transaction.database.conversations();
    let same_id = doc! { "conversation_id": document.conversation_id.to_string() };
    if conversations
        .find_one(same_id)
        .max_time(READ_TIME)
        .session(&mut *transaction.session)
        .await?
        .is_some()
        || removals::is_pending_for(&mut transaction, document.conversation_id).await?
    {
        return Ok(false);
    }
    conversations.insert_one(document).session(transaction.session).await?;
    Ok(true)
}
