//! Loading the state that decides whether messages may be appended or an answer continued.

use mongodb::bson::{Document, doc};
use mongodb::error::Result as MongoResult;
use webchat_domain::{ClientMessageId, Message, Role, Timestamp};
use webchat_persistence::rules::AppendState;

use crate::database::Transaction;
use crate::documents::{ConversationDocument, MessageDocument};

/// Loads the state that the rules of an append or a continuation check.
pub(crate) async fn append_state(
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
    Ok(AppendState { duplicate, running_turn: conversation.running_turn(now), head_position })
}

/// Returns the messages that were stored under the `client_message_id` before: a question with its answer,
/// in order. A message that a reset has removed is deleted here, so that its `client_message_id` is free.
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
    let Some(first) = messages.find_one(filter.clone()).session(&mut *transaction.session).await?
    else {
        return Ok(Vec::new());
    };
    if first.position <= conversation.reset_through {
        messages.delete_one(filter).session(&mut *transaction.session).await?;
        return Ok(Vec::new());
    }
    let (other, oldest) = (counterpart(&first), doc! { "position": 1 });
    let other = messages.find_one(other).sort(oldest).session(&mut *transaction.session).await?;
    let mut pair: Vec<Message> = other.into_iter().chain([first]).map(Message::from).collect();
    pair.sort_by_key(|message| message.position);
    Ok(pair)
}

/// Matches the answers to a question, or the question of an answer.
fn counterpart(message: &MessageDocument) -> Document {
    match message.role {
        Role::User => doc! {
            "conversation_id": message.conversation_id.to_string(),
            "parent_id": message.message_id.to_string(),
            "role": "assistant",
        },
        Role::Assistant => doc! {
            "message_id": message.parent_id.map(|parent| parent.to_string()),
        },
    }
}
