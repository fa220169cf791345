use rusqlite::{Transaction, params};
use webchat_domain::{
    ClientMessageId, ConversationId, Message, MessageId, NewMessage, Timestamp, Title, TurnId,
    UserId,
};
use webchat_persistence::{Append, AppendOutcome};

use crate::tail::{Tail, find_tail, refused};
use crate::{rows, versions};

pub(crate) fn append(
    transaction: &Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    append: Append,
    now: Timestamp,
) -> rusqlite::Result<AppendOutcome> {
    let Some(mut tail) = find_tail(transaction, user_id, id, now)? else {
        return Ok(AppendOutcome::NotFound);
    };
    let name = append.client_message_id.as_ref();
    if let Some(refused) = refused(transaction, id, tail, name, append.turn.is_some())? {
        return Ok(refused);
    }
    if append.expected_position.is_some_and(|expected| expected != tail.position) {
        return Ok(AppendOutcome::Conflict { position: tail.position });
    }
    if let Some(version_of) = append.version_of {
        let Some(old) = rows::find_message(transaction, user_id, id, version_of)? else {
            return Ok(AppendOutcome::NotFound);
        };
        versions::show(transaction, id, old.parent_id)?;
        tail.head = old.parent_id;
    }
    store(transaction, user_id, id, tail, append, now)
}

fn store(
    transaction: &Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    tail: Tail,
    append: Append,
    now: Timestamp,
) -> rusqlite::Result<AppendOutcome> {
    let mut messages: Vec<Message> = Vec::with_capacity(append.messages.len());
    for (new, position) in append.messages.into_iter().zip(tail.last_position + 1..) {
        let parent_id = messages.last().map(|last| last.message_id).or(tail.head);
        let client_message_id = append.client_message_id.as_ref().filter(|_| messages.is_empty());
        let message = placed(id, new, position, parent_id);
        insert(transaction, user_id, &message, client_message_id)?;
        messages.push(message);
    }
    transaction
        .prepare_cached(
            "UPDATE conversations SET
                 updated_at = ?2, title = coalesce(title, ?3), head = coalesce(?4, head),
                 message_count = message_count + ?5, last_position = last_position + ?5,
                 total_tokens = total_tokens + ?6,
                 running_turn = coalesce(?7, running_turn), lease_until = coalesce(?8, lease_until),
                 archived = iif(?7 IS NULL, archived, 0)
             WHERE conversation_id = ?1",
        )?
        .execute(params![
            id.to_simple(),
            now.unix_millis(),
            append.title.as_ref().map(Title::as_str),
            messages.last().map(|head| head.message_id.to_simple()),
            messages.len(),
            messages.iter().map(|message| u64::from(message.token_count)).sum::<u64>(),
            append.turn.map(|turn| turn.turn_id.to_simple()),
            append.turn.map(|turn| turn.lease_until.unix_millis()),
        ])?;
    match rows::find_conversation(transaction, user_id, id)? {
        Some(conversation) => Ok(AppendOutcome::Stored { conversation, messages }),
        None => Ok(AppendOutcome::NotFound),
    }
}

fn placed(
    conversation_id: ConversationId,
    new: NewMessage,
    position: u64,
    parent_id: Option<MessageId>,
) -> Message {
    Message {
        message_id: new.message_id,
        conversation_id,
        position,
        parent_id,
        turn_id: new.turn_id,
        role: new.role,
        content: new.content,
        token_count: new.token_count,
        status: new.status,
        error: None,
        created_at: new.created_at,
    }
}

pub(crate) fn insert(
    transaction: &Transaction<'_>,
    user_id: UserId,
    message: &Message,
    client_message_id: Option<&ClientMessageId>,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO messages (message_id, conversation_id, user_id, position, parent_id,
                 turn_id, client_message_id, role, content, token_count, status, created_at,
                 error_message, error_code)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        )?
        .execute(params![
            message.message_id.to_simple(),
            message.conversation_id.to_simple(),
            user_id.to_simple(),
            message.position,
            message.parent_id.map(MessageId::to_simple),
            message.turn_id.map(TurnId::to_simple),
            client_message_id.map(ClientMessageId::as_str),
            rows::role_name(message.role),
            message.content,
            message.token_count,
            rows::status_name(message.status),
            message.created_at.unix_millis(),
            message.error.as_ref().map(|error| &error.message),
            message.error.as_ref().map(|error| &error.code),
        ])?;
    Ok(())
}
