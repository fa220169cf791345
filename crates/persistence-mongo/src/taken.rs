//! What keeps a turn from beginning: its name is known, or another one runs.

use mongodb::bson::{Document, doc};
use mongodb::error::Result as MongoResult;
use webchat_domain::{ClientMessageId, Message, Role, Timestamp};

use crate::database::Transaction;
use crate::documents::{ConversationDocument, MessageDocument};

pub(crate) fn turn_runs(conversation: &ConversationDocument, now: Timestamp) -> bool {
    conversation.running_turn.is_some() && conversation.lease_until.is_some_and(|until| until > now)
}

/// What was stored under the client's name. A message that a reset has taken away no longer holds
/// it.
pub(crate) async fn sent_before(
    transaction: &mut Transaction<'_>,
    conversation: &ConversationDocument,
    client_message_id: &ClientMessageId,
) -> MongoResult<Vec<Message>> {
    let messages = transaction.database.messages();
    let named = doc! {
        "conversation_id": conversation.conversation_id.to_string(),
        "client_message_id": client_message_id.as_str(),
    };
    let Some(first) = messages.find_one(named.clone()).session(&mut *transaction.session).await?
    else {
        return Ok(Vec::new());
    };
    if first.position <= conversation.reset_through {
        messages.delete_one(named).session(&mut *transaction.session).await?;
        return Ok(Vec::new());
    }
    let (other, oldest) = (other_of_exchange(&first), doc! { "position": 1 });
    let other = messages.find_one(other).sort(oldest).session(&mut *transaction.session).await?;
    let mut exchange: Vec<Message> = other.into_iter().chain([first]).map(Message::from).collect();
    exchange.sort_by_key(|message| message.position);
    Ok(exchange)
}

/// A question's answers, or the question that an answer follows.
fn other_of_exchange(message: &MessageDocument) -> Document {
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
