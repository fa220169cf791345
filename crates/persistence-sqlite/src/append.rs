use rusqlite::{OptionalExtension, Transaction, params};
use webchat_domain::{
    ClientMessageId, ConversationId, Message, MessageId, NewMessage, Timestamp, Title, TurnId,
    UserId,
};
use webchat_persistence::{Append, Appended};

use crate::rows::{self, MESSAGE};
use crate::versions;

/// Where a conversation ends.
#[derive(Clone, Copy)]
pub(crate) struct Tail {
    last_position: u64,
    /// The end of its visible path, and its position: 0 without one.
    pub(crate) head: Option<MessageId>,
    pub(crate) position: u64,
    pub(crate) turn_runs: bool,
}

pub(crate) fn append(
    transaction: &Transaction<'_>,
    owner: UserId,
    id: ConversationId,
    append: Append,
    now: Timestamp,
) -> rusqlite::Result<Appended> {
    let Some(mut tail) = find_tail(transaction, owner, id, now)? else {
        return Ok(Appended::NotFound);
    };
    let name = append.client_message_id.as_ref();
    if let Some(refused) = refused(transaction, id, tail, name, append.turn.is_some())? {
        return Ok(refused);
    }
    if append.expected_position.is_some_and(|expected| expected != tail.position) {
        return Ok(Appended::Stale { position: tail.position });
    }
    if let Some(version_of) = append.version_of {
        let Some(old) = rows::find_message(transaction, owner, id, version_of)? else {
            return Ok(Appended::NotFound);
        };
        versions::show(transaction, id, old.parent_id)?;
        tail.head = old.parent_id;
    }
    store(transaction, owner, id, tail, append, now)
}

/// Why nothing begins: its name is known, or a turn runs beside which no other may.
pub(crate) fn refused(
    transaction: &Transaction<'_>,
    id: ConversationId,
    tail: Tail,
    client_message_id: Option<&ClientMessageId>,
    is_turn: bool,
) -> rusqlite::Result<Option<Appended>> {
    if let Some(client_message_id) = client_message_id {
        let earlier = sent_before(transaction, id, client_message_id)?;
        if !earlier.is_empty() {
            return Ok(Some(Appended::Duplicate(earlier)));
        }
    }
    Ok((is_turn && tail.turn_runs).then_some(Appended::TurnInProgress))
}

pub(crate) fn find_tail(
    transaction: &Transaction<'_>,
    owner: UserId,
    id: ConversationId,
    now: Timestamp,
) -> rusqlite::Result<Option<Tail>> {
    transaction
        .prepare_cached(
            "SELECT last_position, head,
                 coalesce((SELECT position FROM messages WHERE message_id = head), 0) AS position,
                 running_turn IS NOT NULL AND lease_until > ?3 AS turn_runs
             FROM conversations WHERE conversation_id = ?1 AND user_id = ?2",
        )?
        .query_row(params![id.to_simple(), owner.to_simple(), now.unix_millis()], |row| {
            Ok(Tail {
                last_position: row.get("last_position")?,
                head: rows::parsed_option(row, "head")?,
                position: row.get("position")?,
                turn_runs: row.get("turn_runs")?,
            })
        })
        .optional()
}

fn sent_before(
    transaction: &Transaction<'_>,
    id: ConversationId,
    client_message_id: &ClientMessageId,
) -> rusqlite::Result<Vec<Message>> {
    transaction
        .prepare_cached(&format!(
            "WITH sent AS (
                 SELECT message_id, parent_id, role FROM messages
                 WHERE conversation_id = ?1 AND client_message_id = ?2
             ), other AS (
                 SELECT parent_id AS message_id FROM sent WHERE role = 'assistant'
                 UNION ALL
                 SELECT (
                     SELECT message_id FROM messages
                     WHERE conversation_id = ?1 AND parent_id = sent.message_id
                         AND role = 'assistant'
                     ORDER BY position LIMIT 1
                 ) FROM sent WHERE role = 'user'
             )
             SELECT {MESSAGE} FROM messages
             WHERE message_id IN (SELECT message_id FROM sent UNION ALL SELECT message_id FROM other)
             ORDER BY position"
        ))?
        .query_map(params![id.to_simple(), client_message_id.as_str()], rows::message)?
        .collect()
}

fn store(
    transaction: &Transaction<'_>,
    owner: UserId,
    id: ConversationId,
    tail: Tail,
    append: Append,
    now: Timestamp,
) -> rusqlite::Result<Appended> {
    let mut messages: Vec<Message> = Vec::with_capacity(append.messages.len());
    for (new, position) in append.messages.into_iter().zip(tail.last_position + 1..) {
        let parent_id = messages.last().map(|last| last.message_id).or(tail.head);
        let client_message_id = append.client_message_id.as_ref().filter(|_| messages.is_empty());
        let message = placed(id, new, position, parent_id);
        insert(transaction, owner, &message, client_message_id)?;
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
    match rows::find_conversation(transaction, owner, id)? {
        Some(conversation) => Ok(Appended::Stored { conversation, messages }),
        None => Ok(Appended::NotFound),
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
    owner: UserId,
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
            owner.to_simple(),
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
