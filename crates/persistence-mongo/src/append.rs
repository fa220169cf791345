use mongodb::bson::{Document, doc};
use mongodb::error::Result as MongoResult;
use mongodb::options::ReturnDocument;
use webchat_domain::{ClientMessageId, ConversationId, Message, Role, Timestamp, UserId};
use webchat_persistence::{Append, Appended};

use crate::database::Transaction;
use crate::documents::{ConversationDocument, MessageDocument, date};
use crate::queries::{find_conversation, owned, without_context};
use crate::versions;

pub(crate) async fn append(
    mut transaction: Transaction<'_>,
    owner: UserId,
    id: ConversationId,
    append: &Append,
    now: Timestamp,
) -> MongoResult<Appended> {
    let Some(mut conversation) = find_conversation(&mut transaction, owned(owner, id)).await?
    else {
        return Ok(Appended::NotFound);
    };
    if let Some(client_message_id) = &append.client_message_id {
        let earlier = sent_before(&mut transaction, &conversation, client_message_id).await?;
        if !earlier.is_empty() {
            return Ok(Appended::Duplicate(earlier));
        }
    }
    if append.turn.is_some() && turn_runs(&conversation, now) {
        return Ok(Appended::TurnInProgress);
    }
    if let Some(expected) = append.expected_position {
        let position = end_position(&mut transaction, &conversation).await?;
        if position != expected {
            return Ok(Appended::Stale { position });
        }
    }
    if let Some(message_id) = append.version_of {
        let found = versions::find_node(&mut transaction, &conversation, message_id).await?;
        let Some(version_of) = found else { return Ok(Appended::NotFound) };
        let parent = version_of.parent_id;
        let path = versions::path_to(&mut transaction, &conversation, parent).await?;
        versions::show(&mut transaction, &conversation, path).await?;
        conversation.head = parent;
    }
    store(transaction, conversation, append, now).await
}

pub(crate) fn turn_runs(conversation: &ConversationDocument, now: Timestamp) -> bool {
    conversation.running_turn.is_some() && conversation.lease_until.is_some_and(|until| until > now)
}

/// The position of the message in which the visible path ends; 0 without one.
pub(crate) async fn end_position(
    transaction: &mut Transaction<'_>,
    conversation: &ConversationDocument,
) -> MongoResult<u64> {
    let Some(head) = conversation.head else { return Ok(0) };
    let end = versions::find_node(transaction, conversation, head).await?;
    Ok(end.map_or(0, |end| end.position))
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
    if first.position <= conversation.emptied_through {
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

async fn store(
    transaction: Transaction<'_>,
    conversation: ConversationDocument,
    append: &Append,
    now: Timestamp,
) -> MongoResult<Appended> {
    let messages = placed(&conversation, append);
    let conversations = transaction.database.conversations();
    let changed = conversations
        .find_one_and_update(
            owned(conversation.user_id, conversation.conversation_id),
            change(&conversation, &messages, append, now),
        )
        .projection(without_context())
        .return_document(ReturnDocument::After)
        .session(&mut *transaction.session)
        .await?;
    let Some(changed) = changed else {
        return Ok(Appended::NotFound);
    };
    if !messages.is_empty() {
        transaction
            .database
            .messages()
            .insert_many(&messages)
            .session(&mut *transaction.session)
            .await?;
    }
    Ok(Appended::Stored {
        conversation: changed.into(),
        messages: messages.into_iter().map(Message::from).collect(),
    })
}

/// The messages at the positions behind the conversation's last one.
fn placed(conversation: &ConversationDocument, append: &Append) -> Vec<MessageDocument> {
    let mut parent_id = conversation.head;
    let mut client_message_id = append.client_message_id.clone();
    let mut placed = Vec::with_capacity(append.messages.len());
    for (new, position) in append.messages.iter().cloned().zip(conversation.last_position + 1..) {
        placed.push(MessageDocument {
            message_id: new.message_id,
            conversation_id: conversation.conversation_id,
            user_id: conversation.user_id,
            position,
            parent_id: parent_id.replace(new.message_id),
            turn_id: new.turn_id,
            client_message_id: client_message_id.take(),
            role: new.role,
            content: new.content,
            token_count: new.token_count,
            status: new.status,
            error: None,
            created_at: new.created_at,
            active: true,
        });
    }
    placed
}

/// What the messages change in their conversation.
fn change(
    conversation: &ConversationDocument,
    messages: &[MessageDocument],
    append: &Append,
    now: Timestamp,
) -> Document {
    let mut set = doc! { "updated_at": date(now) };
    if let (None, Some(title)) = (&conversation.title, &append.title) {
        set.insert("title", title.as_str());
    }
    if let Some(head) = messages.last() {
        set.insert("head", head.message_id.to_string());
    }
    if let Some(turn) = append.turn {
        set.insert("running_turn", turn.turn_id.to_string());
        set.insert("lease_until", date(turn.lease_until));
    }
    let count = messages.iter().map(|_| 1_i64).sum::<i64>();
    let tokens = messages.iter().map(|message| i64::from(message.token_count)).sum::<i64>();
    let mut change = doc! {
        "$set": set,
        "$inc": { "message_count": count, "last_position": count, "total_tokens": tokens },
    };
    if append.turn.is_some() {
        change.insert("$unset", doc! { "archived": "" });
    }
    change
}
