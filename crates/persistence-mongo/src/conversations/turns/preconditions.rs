//! Loads the state for the preconditions of appending messages and of continuing an answer.

use mongodb::bson::{Document, doc};
use mongodb::error::Result as MongoResult;
use webchat_domain::{ClientMessageId, Message, Role, Timestamp};
use webchat_persistence::rules::{self, AppendState, Counterpart, StoredName};

use crate::database::{READ_TIME, Transaction};
use crate::documents::ConversationDocument;
use crate::queries::without_search_terms;

/// Loads the state that the rules for an append or a continuation check.
pub(crate) async fn load_append_state(
    transaction: &mut Transaction<'_>,
    conversation: &ConversationDocument,
    client_message_id: Option<&ClientMessageId>,
    head_position: u64,
    now: Timestamp,
) -> MongoResult<AppendState> {
    let duplicate = match client_message_id {
        Some(id) => find_duplicate(transaction, conversation, id).await?,
        None => Vec::new(),
    };
    Ok(AppendState {
        duplicate,
        running_turn: conversation.state().running_turn(now),
        head_position,
    })
}

/// Returns the message that was stored under the `client_message_id` and its counterpart: a question and its answer,
/// in order. Deletes a message that a reset has removed, so that its `client_message_id` can be used again.
async fn find_duplicate(
    transaction: &mut Transaction<'_>,
    conversation: &ConversationDocument,
    client_message_id: &ClientMessageId,
) -> MongoResult<Vec<Message>> {
    let messages = transaction.database.messages();
    let filter = doc! {
        "conversation_id": conversation.conversation_id.to_string(),
        "client_message_id": client_message_id.as_str(),
    };
    let Some(first) = messages
        .find_one(filter.clone())
        .max_time(READ_TIME)
        .projection(without_search_terms())
        .session(&mut *transaction.session)
        .await?
    else {
        return Ok(Vec::new());
    };
    if first.position <= conversation.reset_through {
        messages.delete_one(filter).session(&mut *transaction.session).await?;
        return Ok(Vec::new());
    }
    let first = Message::from(first);
    let counterpart = match counterpart_filter(conversation, &first) {
        Some(filter) => {
            let find = messages.find_one(filter).max_time(READ_TIME);
            let find = find.sort(doc! { "position": 1 }).projection(without_search_terms());
            find.session(&mut *transaction.session).await?.map(Message::from)
        }
        None => None,
    };
    Ok(rules::question_and_answer(first, counterpart))
}

/// Returns the filter of the counterpart. If several messages match, the counterpart is the first one by position.
fn counterpart_filter(conversation: &ConversationDocument, first: &Message) -> Option<Document> {
    match rules::counterpart(first) {
        Counterpart::AnswerTo(question) => Some(doc! {
            "conversation_id": conversation.conversation_id.to_string(),
            "parent_id": question.to_string(),
            "role": Role::Assistant.stored_name(),
        }),
        Counterpart::Question(question) => {
            question.map(|question| doc! { "message_id": question.to_string() })
        }
    }
}
