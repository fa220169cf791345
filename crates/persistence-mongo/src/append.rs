use mongodb::bson::{Document, doc};
use mongodb::error::Result as MongoResult;
use mongodb::options::ReturnDocument;
use webchat_domain::{ConversationId, Message, Timestamp, UserId};
use webchat_persistence::{Append, AppendOutcome};

use crate::database::Transaction;
use crate::documents::{ConversationDocument, MessageDocument, date};
use crate::queries::{find_conversation, owned, without_context};
use crate::taken::{sent_before, turn_runs};
use crate::versions::{self, end_position};

pub(crate) async fn append(
    mut transaction: Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    append: &Append,
    now: Timestamp,
) -> MongoResult<AppendOutcome> {
    let Some(mut conversation) = find_conversation(&mut transaction, owned(user_id, id)).await?
    else {
        return Ok(AppendOutcome::NotFound);
    };
    if let Some(client_message_id) = &append.client_message_id {
        let earlier = sent_before(&mut transaction, &conversation, client_message_id).await?;
        if !earlier.is_empty() {
            return Ok(AppendOutcome::Duplicate(earlier));
        }
    }
    if append.turn.is_some() && turn_runs(&conversation, now) {
        return Ok(AppendOutcome::TurnInProgress);
    }
    if let Some(expected) = append.expected_position {
        let position = end_position(&mut transaction, &conversation).await?;
        if position != expected {
            return Ok(AppendOutcome::Conflict { position });
        }
    }
    if let Some(message_id) = append.version_of {
        let found = versions::find_node(&mut transaction, &conversation, message_id).await?;
        let Some(version_of) = found else { return Ok(AppendOutcome::NotFound) };
        let parent = version_of.parent_id;
        let path = versions::path_to(&mut transaction, &conversation, parent).await?;
        versions::show(&mut transaction, &conversation, path).await?;
        conversation.head = parent;
    }
    store(transaction, conversation, append, now).await
}

async fn store(
    transaction: Transaction<'_>,
    conversation: ConversationDocument,
    append: &Append,
    now: Timestamp,
) -> MongoResult<AppendOutcome> {
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
        return Ok(AppendOutcome::NotFound);
    };
    if !messages.is_empty() {
        transaction
            .database
            .messages()
            .insert_many(&messages)
            .session(&mut *transaction.session)
            .await?;
    }
    Ok(AppendOutcome::Stored {
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
