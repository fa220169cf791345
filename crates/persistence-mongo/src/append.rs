use futures_util::TryStreamExt;
use mongodb::bson::{Document, doc};
use mongodb::error::Result as MongoResult;
use mongodb::options::ReturnDocument;
use webchat_domain::{ClientMessageId, ConversationId, Message, Timestamp, UserId};
use webchat_persistence::{Append, Appended};

use crate::database::Transaction;
use crate::documents::{ConversationDocument, MessageDocument, date};
use crate::queries::{find_conversation, owned, without_context};

pub(crate) async fn append(
    mut transaction: Transaction<'_>,
    owner: UserId,
    id: ConversationId,
    append: &Append,
    now: Timestamp,
) -> MongoResult<Appended> {
    let Some(conversation) = find_conversation(&mut transaction, owned(owner, id)).await? else {
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
    let position = conversation.last_position;
    if append.expected_position.is_some_and(|expected| expected != position) {
        return Ok(Appended::Stale { position });
    }
    store(transaction, conversation, append, now).await
}

fn turn_runs(conversation: &ConversationDocument, now: Timestamp) -> bool {
    conversation.running_turn.is_some() && conversation.lease_until.is_some_and(|until| until > now)
}

/// What was stored under the client's name. A message that a reset has taken away no longer holds
/// it.
async fn sent_before(
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
    let Some(turn_id) = first.turn_id else {
        return Ok(vec![first.into()]);
    };
    let of_turn = messages.find(doc! { "turn_id": turn_id.to_string() });
    let mut found = of_turn.sort(doc! { "position": 1 }).session(&mut *transaction.session).await?;
    found.stream(transaction.session).map_ok(Message::from).try_collect().await
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
