//! Parts of queries that several files need.

use futures_util::TryStreamExt;
use mongodb::bson::{Document, doc};
use mongodb::error::Result as MongoResult;
use serde::de::DeserializeOwned;
use webchat_domain::{ConversationId, UserId};

use crate::database::Transaction;
use crate::documents::{CONVERSATION_SCHEMA, ConversationDocument};

/// The conversation, if it is `user_id`'s. One of the Flask application's is not found until it is
/// migrated.
pub(crate) fn owned(user_id: UserId, id: ConversationId) -> Document {
    doc! {
        "conversation_id": id.to_string(),
        "user_id": user_id.to_string(),
        "schema": CONVERSATION_SCHEMA,
    }
}

/// The conversation, whoever owns it.
pub(crate) fn anyones(id: ConversationId) -> Document {
    doc! { "conversation_id": id.to_string(), "schema": CONVERSATION_SCHEMA }
}

/// All of a conversation but its context, which may be long and which few need.
pub(crate) fn without_context() -> Document {
    doc! { "context": 0 }
}

pub(crate) async fn find_conversation(
    transaction: &mut Transaction<'_>,
    conversation: Document,
) -> MongoResult<Option<ConversationDocument>> {
    let conversations = transaction.database.conversations();
    conversations
        .find_one(conversation)
        .projection(without_context())
        .session(&mut *transaction.session)
        .await
}

/// At most so many. To the server a limit of 0 means none.
pub(crate) async fn at_most<T: DeserializeOwned + Unpin + Send + Sync>(
    limit: u32,
    find: mongodb::action::Find<'_, T>,
) -> MongoResult<Vec<T>> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    find.limit(i64::from(limit)).await?.try_collect().await
}
