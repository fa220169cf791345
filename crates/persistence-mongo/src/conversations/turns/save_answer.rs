//! Saving the answer of a running turn.

use mongodb::bson::{doc, serialize_to_bson};
use mongodb::error::Result as MongoResult;
use serde::Deserialize;
use webchat_domain::{ConversationId, Timestamp};
use webchat_persistence::AnswerUpdate;

use crate::database::Transaction;
use crate::documents::date;
use crate::queries::by_id;

/// The fields of a saved answer that decide the conversation's number of tokens.
#[derive(Deserialize)]
struct SavedTokens {
    token_count: i64,
    active: bool,
}

/// Saves an answer. Returns `false` if its turn is no longer running.
pub(crate) async fn save_answer(
    transaction: Transaction<'_>,
    id: ConversationId,
    answer: &AnswerUpdate,
    now: Timestamp,
) -> MongoResult<bool> {
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
    let Some(saved) = saved else {
        return Ok(false);
    };
    let mut running = by_id(id);
    running.insert("running_turn", answer.turn_id.to_string());
    if answer.lease_until.is_some() {
        // The turn has not ended.
        running.insert("lease_until", doc! { "$type": "date" });
    }
    let renewed = doc! { "updated_at": date(now), "lease_until": answer.lease_until.map(date) };
    // An answer that is not on the visible path is not counted. It may leave the path after its lease
    // has expired.
    let more_tokens =
        if saved.active { i64::from(answer.token_count) - saved.token_count } else { 0 };
    let renewed = doc! { "$set": renewed, "$inc": { "total_tokens": more_tokens } };
    let conversations = transaction.database.conversations();
    if conversations
        .update_one(running, renewed)
        .session(&mut *transaction.session)
        .await?
        .matched_count
        == 0
    {
        return Ok(false);
    }
    let content = doc! { "$set": {
        "content": &answer.content,
        "token_count": i64::from(answer.token_count),
        "status": serialize_to_bson(&answer.status)?,
        "error": serialize_to_bson(&answer.error)?,
    } };
    messages.update_one(message, content).session(transaction.session).await?;
    Ok(true)
}
