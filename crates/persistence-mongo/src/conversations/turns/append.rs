//! Appending messages, and beginning a turn with them.

use mongodb::bson::{Document, doc};
use mongodb::error::Result as MongoResult;
use mongodb::options::ReturnDocument;
use webchat_domain::{ConversationId, Message, Timestamp, UserId};
use webchat_persistence::{Append, AppendOutcome};

use super::preconditions::{find_duplicate, turn_runs};
use crate::conversations::versions::{end_position, find_node, path_to, show};
use crate::database::Transaction;
use crate::documents::{ConversationDocument, MessageDocument, date};
use crate::queries::{by_owner, find_conversation, without_context};

/// Appends the messages if the preconditions hold.
pub(crate) async fn append_messages(
    mut transaction: Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    append: &Append,
    now: Timestamp,
) -> MongoResult<AppendOutcome> {
    let Some(mut conversation) = find_conversation(&mut transaction, by_owner(user_id, id)).await?
    else {
        return Ok(AppendOutcome::NotFound);
    };
    if let Some(client_message_id) = &append.client_message_id {
        let duplicate = find_duplicate(&mut transaction, &conversation, client_message_id).await?;
        if !duplicate.is_empty() {
            return Ok(AppendOutcome::Duplicate(duplicate));
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
        let found = find_node(&mut transaction, &conversation, message_id).await?;
        let Some(version_of) = found else { return Ok(AppendOutcome::NotFound) };
        let parent = version_of.parent_id;
        let path = path_to(&mut transaction, &conversation, parent).await?;
        show(&mut transaction, &conversation, path).await?;
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
    let messages = new_documents(&conversation, append);
    let conversations = transaction.database.conversations();
    let updated = conversations
        .find_one_and_update(
            by_owner(conversation.user_id, conversation.conversation_id),
            update(&conversation, &messages, append, now),
        )
        .projection(without_context())
        .return_document(ReturnDocument::After)
        .session(&mut *transaction.session)
        .await?;
    let Some(updated) = updated else {
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
        conversation: updated.into(),
        messages: messages.into_iter().map(Message::from).collect(),
    })
}

/// Returns the documents of the new messages, at the positions after the conversation's last one.
fn new_documents(conversation: &ConversationDocument, append: &Append) -> Vec<MessageDocument> {
    let mut parent_id = conversation.head;
    let mut client_message_id = append.client_message_id.clone();
    let mut documents = Vec::with_capacity(append.messages.len());
    for (new, position) in append.messages.iter().cloned().zip(conversation.last_position + 1..) {
        documents.push(MessageDocument {
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
    documents
}

/// Returns the update of the conversation.
fn update(
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
    let mut update = doc! {
        "$set": set,
        "$inc": { "message_count": count, "last_position": count, "total_tokens": tokens },
    };
    if append.turn.is_some() {
        update.insert("$unset", doc! { "archived": "" });
    }
    update
}
