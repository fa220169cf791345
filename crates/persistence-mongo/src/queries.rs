//! Queries that several modules share.

use futures_util::TryStreamExt;
use mongodb::bson::{Document, doc};
use mongodb::error::Result as MongoResult;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_with::{TryFromInto, serde_as};
use webchat_domain::{ConversationId, UserId};
use webchat_persistence::StoreError;
use webchat_persistence::rules::{ConversationState, MessagePage};

use crate::database::{MongoDatabase, READ_TIME, Transaction};
use crate::documents::{
    CONVERSATION_SCHEMA_VERSION, ConversationDocument, MessageDocument, state_update,
};

/// Matches the conversation if it belongs to the user. Does not match a conversation of the Flask application before it
/// is migrated.
pub(crate) fn by_owner(user_id: UserId, id: ConversationId) -> Document {
    doc! {
        "conversation_id": id.to_string(),
        "user_id": user_id.to_string(),
        "schema": CONVERSATION_SCHEMA_VERSION,
    }
}

/// Matches the conversation of any user.
pub(crate) fn by_id(id: ConversationId) -> Document {
    doc! { "conversation_id": id.to_string(), "schema": CONVERSATION_SCHEMA_VERSION }
}

/// Returns the projection that excludes the context, which may be long and is rarely needed.
pub(crate) fn without_context() -> Document {
    doc! { "context": 0 }
}

/// Returns the projection that excludes the search terms, which are never read.
pub(crate) fn without_search_terms() -> Document {
    doc! { "search_terms": 0 }
}

/// Finds the user's conversation, without its context.
pub(crate) async fn find_by_owner(
    database: &MongoDatabase,
    user_id: UserId,
    id: ConversationId,
) -> Result<Option<ConversationDocument>, StoreError> {
    let conversations = database.conversations();
    let find = conversations.find_one(by_owner(user_id, id)).max_time(READ_TIME);
    database.run(find.projection(without_context())).await
}

#[serde_as]
#[derive(Deserialize)]
struct ResetPosition {
    #[serde_as(as = "TryFromInto<i64>")]
    emptied_through: u64,
}

/// Returns the position of the last message that a reset has removed from the user's conversation: 0 without a reset, and
/// `None` without such a conversation.
pub(crate) async fn find_reset_position(
    database: &MongoDatabase,
    user_id: UserId,
    id: ConversationId,
) -> Result<Option<u64>, StoreError> {
    let conversations = database.conversations().clone_with_type::<ResetPosition>();
    let find = conversations.find_one(by_owner(user_id, id)).max_time(READ_TIME);
    let found = database.run(find.projection(doc! { "_id": 0, "emptied_through": 1 })).await?;
    Ok(found.map(|found| found.emptied_through))
}

/// Finds a conversation within a transaction, without its context.
pub(crate) async fn find_conversation(
    transaction: &mut Transaction<'_>,
    conversation: Document,
) -> MongoResult<Option<ConversationDocument>> {
    let conversations = transaction.database.conversations();
    conversations
        .find_one(conversation)
        .max_time(READ_TIME)
        .projection(without_context())
        .session(&mut *transaction.session)
        .await
}

/// Writes the new state of a conversation within a transaction.
pub(crate) async fn update_state(
    transaction: &mut Transaction<'_>,
    state: &ConversationState,
) -> MongoResult<()> {
    let filter = by_id(state.conversation.conversation_id);
    let conversations = transaction.database.conversations();
    conversations
        .update_one(filter, state_update(state))
        .session(&mut *transaction.session)
        .await?;
    Ok(())
}

/// Updates a conversation within a transaction.
pub(crate) async fn update_conversation(
    transaction: &mut Transaction<'_>,
    conversation: &ConversationDocument,
    change: Document,
) -> MongoResult<()> {
    let conversations = transaction.database.conversations();
    conversations
        .update_one(by_owner(conversation.user_id, conversation.conversation_id), change)
        .session(&mut *transaction.session)
        .await?;
    Ok(())
}

/// Runs a query with a limit. For the server, a limit of 0 would mean no limit.
pub(crate) async fn at_most<T: DeserializeOwned + Unpin + Send + Sync>(
    limit: u32,
    find: mongodb::action::Find<'_, T>,
) -> MongoResult<Vec<T>> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    find.limit(i64::from(limit)).max_time(READ_TIME).await?.try_collect().await
}

/// The number of messages in a batch from the server. Each may have megabytes.
const MESSAGES_PER_BATCH: u32 = 16;

/// Reads a page of at most `limit` messages. It ends with the message that reaches
/// [`MAX_PAGE_BYTES`](webchat_persistence::rules::MAX_PAGE_BYTES) of text.
pub(crate) async fn page_of(
    limit: u32,
    find: mongodb::action::Find<'_, MessageDocument>,
) -> MongoResult<Vec<MessageDocument>> {
    let mut page = MessagePage::new(limit);
    if page.is_full() {
        return Ok(Vec::new());
    }
    let find = find
        .projection(without_search_terms())
        .limit(i64::from(limit))
        .batch_size(MESSAGES_PER_BATCH)
        .max_time(READ_TIME);
    let mut cursor = find.await?;
    while !page.is_full()
        && let Some(message) = cursor.try_next().await?
    {
        let bytes = message.text_bytes();
        page.push(message, bytes);
    }
    Ok(page.into_messages())
}
