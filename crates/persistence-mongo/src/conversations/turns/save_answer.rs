//! Saving the answer of a running turn.

use mongodb::bson::{doc, serialize_to_bson};
use mongodb::error::Result as MongoResult;
use serde::Deserialize;
use serde_with::{TryFromInto, serde_as};
use webchat_domain::{ConversationId, Timestamp};
use webchat_persistence::{AnswerUpdate, rules};

use crate::database::Transaction;
use crate::documents::date;
use crate::queries::{by_id, find_conversation};

/// The fields of a saved answer that decide the conversation's number of tokens.
#[serde_as]
#[derive(Deserialize)]
struct SavedTokens {
    #[serde_as(as = "TryFromInto<i64>")]
    token_count: u32,
    active: bool,
}

/// Saves an answer. Returns `false` if its turn is no longer running.
pub(crate) async fn save_answer(
    mut transaction: Transaction<'_>,
    id: ConversationId,
    answer: &AnswerUpdate,
    now: Timestamp,
) -> MongoResult<bool> {
    let Some(conversation) = find_conversation(&mut transaction, by_id(id)).await? else {
        return Ok(false);
    };
    if !rules::can_save_answer(answer, conversation.running_turn, conversation.lease_until) {
        return Ok(false);
    }
    let message = doc! {
        "message_id": answer.message_id.to_string(),
        "conversation_id": id.to_string(),
    };
    let messages = transaction.database.messages();
    let saved = messages
        .clone_with_type::<SavedTokens>()
        .find_one(message.clone())
        .projection(doc! { "token_count": 1, "active": 1 })
        .session(&mut *transaction.session)
        .await?;
    let Some(SavedTokens { token_count, active }) = saved else {
        return Ok(false);
    };
    let renewed = doc! { "updated_at": date(now), "lease_until": answer.lease_until.map(date) };
    let more_tokens = rules::token_difference(answer, token_count, active);
    let renewed = doc! { "$set": renewed, "$inc": { "total_tokens": more_tokens } };
    let conversations = transaction.database.conversations();
    conversations.update_one(by_id(id), renewed).session(&mut *transaction.session).await?;
    let content = doc! { "$set": {
        "content": &answer.content,
        "token_count": i64::from(answer.token_count),
        "status": serialize_to_bson(&answer.status)?,
        "error": serialize_to_bson(&answer.error)?,
    } };
    messages.update_one(message, content).session(transaction.session).await?;
    Ok(true)
}
