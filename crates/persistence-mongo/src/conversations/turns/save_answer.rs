//! Saving the answer of a running turn.

use mongodb::bson::{Document, doc, serialize_to_bson};
use mongodb::error::Result as MongoResult;
use serde::Deserialize;
use serde_with::{TryFromInto, serde_as};
use webchat_domain::{ConversationId, Timestamp};
use webchat_persistence::AnswerUpdate;
use webchat_persistence::rules::{self, SavedAnswer, StoredName};

use crate::database::{READ_TIME, Transaction};
use crate::queries::{by_id, find_conversation, update_state};

/// The fields of a saved answer on which the conversation's token count depends.
#[serde_as]
#[derive(Deserialize)]
struct SavedFields {
    #[serde_as(as = "TryFromInto<i64>")]
    token_count: u32,
    active: bool,
}

/// Saves an answer. Returns `false` if its turn is no longer running.
pub(crate) async fn save_answer(
    mut transaction: Transaction<'_>,
    id: ConversationId,
    answer: &AnswerUpdate,
    terms: &[String],
    now: Timestamp,
) -> MongoResult<bool> {
    let conversation = find_conversation(&mut transaction, by_id(id)).await?;
    let message = doc! {
        "message_id": answer.message_id.to_string(),
        "conversation_id": id.to_string(),
    };
    let saved = find_saved(&mut transaction, message.clone()).await?;
    let (Some(conversation), Some(saved)) = (conversation, saved) else { return Ok(false) };
    let Some(state) = rules::save_answer(conversation.state(), answer, saved, now) else {
        return Ok(false);
    };
    update_state(&mut transaction, &state).await?;
    let content = doc! { "$set": {
        "content": &answer.content,
        "search_terms": terms,
        "token_count": i64::from(answer.token_count),
        "status": answer.status.stored_name(),
        "error": serialize_to_bson(&answer.error)?,
    } };
    let messages = transaction.database.messages();
    messages.update_one(message, content).session(transaction.session).await?;
    Ok(true)
}

async fn find_saved(
    transaction: &mut Transaction<'_>,
    message: Document,
) -> MongoResult<Option<SavedAnswer>> {
    let messages = transaction.database.messages().clone_with_type::<SavedFields>();
    let find = messages
        .find_one(message)
        .max_time(READ_TIME)
        .projection(doc! { "token_count": 1, "active": 1 });
    let found = find.session(&mut *transaction.session).await?;
    Ok(found
        .map(|SavedFields { token_count, active }| SavedAnswer { token_count, is_active: active }))
}
