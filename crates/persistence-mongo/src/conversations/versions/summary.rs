//! Dropping a summary that no longer matches the visible path.

use mongodb::bson::doc;
use mongodb::error::Result as MongoResult;

use crate::database::Transaction;
use crate::documents::ConversationDocument;
use crate::queries::{by_owner, update_conversation};

/// Drops the summary if it covers the message at this position. The context's revision is increased in any
/// case, so that a summary of the previous path, which may be in progress, is not stored.
pub(crate) async fn drop_summary_from(
    transaction: &mut Transaction<'_>,
    conversation: &ConversationDocument,
    position: i64,
) -> MongoResult<()> {
    let mut covering = by_owner(conversation.user_id, conversation.conversation_id);
    covering.insert("context.summary.through", doc! { "$gte": position });
    let dropped = doc! { "$set": { "context.summary": null } };
    let conversations = transaction.database.conversations();
    conversations.update_one(covering, dropped).session(&mut *transaction.session).await?;
    update_conversation(transaction, conversation, doc! { "$inc": { "context_revision": 1_i64 } })
        .await
}
