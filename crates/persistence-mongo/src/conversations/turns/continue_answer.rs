//! Starting a turn that continues an answer.

use mongodb::bson::{Bson, doc, serialize_to_bson};
use mongodb::error::Result as MongoResult;
use webchat_domain::{ConversationId, ModelId, Timestamp, UserId};
use webchat_persistence::rules::{self, StoredName};
use webchat_persistence::{AppendOutcome, ContinueAnswer, StoredMessage};

use super::preconditions::load_append_state;
use crate::conversations::versions::invalidate_summary_from;
use crate::database::{READ_TIME, Transaction};
use crate::documents::{ConversationDocument, date};
use crate::queries::{by_owner, find_conversation, update_state, without_search_terms};

/// Starts a turn that continues the answer at the end of the visible path.
pub(crate) async fn continue_answer(
    mut transaction: Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    continuation: &ContinueAnswer,
    now: Timestamp,
) -> MongoResult<AppendOutcome> {
    let found = find_conversation(&mut transaction, by_owner(user_id, id)).await?;
    let Some(conversation) = found else { return Ok(AppendOutcome::NotFound) };
    let head = find_head(&mut transaction, &conversation).await?;
    let client_message_id = continuation.client_message_id.as_ref();
    let loaded =
        load_append_state(&mut transaction, &conversation, client_message_id, 0, now).await?;
    let answer = match rules::check_continuation(continuation, head, loaded) {
        Ok(answer) => answer,
        Err(rejected) => return Ok(rejected),
    };
    let (state, answer) = rules::continue_answer(conversation.state(), answer, continuation, now);
    update_answer(&mut transaction, &answer).await?;
    update_state(&mut transaction, &state).await?;
    invalidate_summary_from(&mut transaction, &conversation, answer.message.position).await?;
    let messages = vec![answer.message];
    Ok(AppendOutcome::Stored { conversation: state.conversation, messages })
}

async fn find_head(
    transaction: &mut Transaction<'_>,
    conversation: &ConversationDocument,
) -> MongoResult<Option<StoredMessage>> {
    let Some(head) = conversation.head else { return Ok(None) };
    let messages = transaction.database.messages();
    let head = messages.find_one(doc! { "message_id": head.to_string() });
    let head = head.max_time(READ_TIME).projection(without_search_terms());
    Ok(head.session(&mut *transaction.session).await?.map(StoredMessage::from))
}

/// Writes the fields of the answer that a continuation changes.
async fn update_answer(
    transaction: &mut Transaction<'_>,
    answer: &StoredMessage,
) -> MongoResult<()> {
    let message = &answer.message;
    let mut change = doc! {
        "turn_id": message.turn_id.map(|turn_id| turn_id.to_string()),
        "status": message.status.stored_name(),
        "error": serialize_to_bson(&message.error)?,
        "ended_at": message.ended_at.map(date),
        "created_at": date(message.created_at),
        "token_count": i64::from(message.token_count),
        "model": message.model.as_ref().map(ModelId::as_str),
    };
    if message.content.is_empty() {
        change.insert("content", "");
        change.insert("reasoning", Bson::Null);
    }
    // Without an id, the field must be absent.
    if let Some(client_message_id) = &answer.client_message_id {
        change.insert("client_message_id", client_message_id.as_str());
    }
    let messages = transaction.database.messages();
    messages
        .update_one(doc! { "message_id": message.message_id.to_string() }, doc! { "$set": change })
        .session(&mut *transaction.session)
        .await?;
    Ok(())
}
