//! Saving the answer of a running turn.

use futures_util::FutureExt;
use mongodb::bson::{DateTime, Document, doc, serialize_to_bson};
use mongodb::error::Result as MongoResult;
use serde::Deserialize;
use serde_with::{TryFromInto, serde_as};
use webchat_domain::{ConversationId, Timestamp};
use webchat_persistence::rules::{SavedAnswer, StoredName};
use webchat_persistence::{AnswerUpdate, StoreError};

use crate::database::{Concerns, MongoDatabase, Transaction, majority, primary_in_memory};
use crate::documents::{StoredReasoning, date, search_terms};
use crate::queries::by_id;

/// The fields of a saved answer on which the conversation's token count depends.
#[serde_as]
#[derive(Deserialize)]
struct SavedFields {
    #[serde_as(as = "TryFromInto<i64>")]
    token_count: u32,
    active: bool,
}

/// Saves an answer. Returns `false` if its turn is no longer running.
///
/// A final answer is durable. Progress may be lost if the server fails: the next save replaces it anyway, and each flush
/// of the journal costs more than the save itself.
pub(crate) async fn save_answer(
    database: &MongoDatabase,
    id: ConversationId,
    answer: AnswerUpdate,
    now: Timestamp,
) -> Result<bool, StoreError> {
    // A transaction may be run several times.
    let terms = search_terms(&answer.content);
    let is_final = answer.lease_until.is_none();
    let concerns = Concerns::local(if is_final { majority() } else { primary_in_memory() });
    database
        .transaction_with(concerns, (answer, terms), move |transaction, (answer, terms)| {
            save(transaction, id, answer, terms, now).boxed()
        })
        .await
}

/// Each command checks what it changes, so that nothing has to be read first.
async fn save(
    mut transaction: Transaction<'_>,
    id: ConversationId,
    answer: &AnswerUpdate,
    terms: &[String],
    now: Timestamp,
) -> MongoResult<bool> {
    let replaced = replace_message(&mut transaction, id, answer, terms).await?;
    let is_saved = match replaced {
        Some(saved) => update_conversation(&mut transaction, id, answer, saved, now).await?,
        None => false,
    };
    if !is_saved {
        transaction.session.abort_transaction().await?;
    }
    Ok(is_saved)
}

/// Writes the answer. Returns its previous state, or `None` if it does not exist.
async fn replace_message(
    transaction: &mut Transaction<'_>,
    id: ConversationId,
    answer: &AnswerUpdate,
    terms: &[String],
) -> MongoResult<Option<SavedAnswer>> {
    let message = doc! {
        "message_id": answer.message_id.to_string(),
        "conversation_id": id.to_string(),
    };
    let content = doc! { "$set": {
        "content": &answer.content,
        "reasoning": serialize_to_bson(&answer.reasoning.clone().map(StoredReasoning::from))?,
        "search_terms": terms,
        "token_count": i64::from(answer.token_count),
        "status": answer.status.stored_name(),
        "error": serialize_to_bson(&answer.error)?,
        "ended_at": answer.ended_at.map(date),
    } };
    let messages = transaction.database.messages().clone_with_type::<SavedFields>();
    let replaced = messages
        .find_one_and_update(message, content)
        .projection(doc! { "_id": 0, "token_count": 1, "active": 1 })
        .session(&mut *transaction.session)
        .await?;
    Ok(replaced
        .map(|SavedFields { token_count, active }| SavedAnswer { token_count, is_active: active }))
}

/// Updates the conversation. Returns `false` if the answer must not be saved.
async fn update_conversation(
    transaction: &mut Transaction<'_>,
    id: ConversationId,
    answer: &AnswerUpdate,
    saved: SavedAnswer,
    now: Timestamp,
) -> MongoResult<bool> {
    let change = doc! {
        "$set": { "updated_at": date(now), "lease_until": answer.lease_until.map(date) },
        "$inc": { "total_tokens": saved.token_delta(answer) },
    };
    let conversations = transaction.database.conversations();
    let update = conversations
        .update_one(savable(id, answer), change)
        .session(&mut *transaction.session)
        .await?;
    Ok(update.matched_count > 0)
}

/// Matches the conversation if the answer may be saved, by the same rule as
/// [`save_answer`](webchat_persistence::rules::save_answer).
fn savable(id: ConversationId, answer: &AnswerUpdate) -> Document {
    let mut conversation = by_id(id);
    conversation.insert("running_turn", answer.turn_id.to_string());
    if answer.lease_until.is_some() {
        conversation.insert("lease_until", doc! { "$ne": Option::<DateTime>::None });
    }
    conversation
}
