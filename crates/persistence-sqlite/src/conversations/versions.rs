//! Which of a conversation's messages are visible, where several follow the same one.

use rusqlite::{OptionalExtension, Row, Transaction, params};
use webchat_domain::{
    ClientMessageId, ConversationId, MessageId, MessageStatus, Timestamp, UserId,
};
use webchat_persistence::{AppendOutcome, ChildMessage, ContinueAnswer, SelectOutcome};

use crate::contexts;
use crate::rows;
use crate::tail::{Tail, find_tail, refused};

/// From a message up to the first one that is visible.
const UP: &str = "WITH RECURSIVE up (message_id, parent_id, position, active) AS (
         SELECT message_id, parent_id, position, active FROM messages WHERE message_id = ?1
         UNION ALL
         SELECT parent.message_id, parent.parent_id, parent.position, parent.active
         FROM up JOIN messages AS parent ON parent.message_id = up.parent_id
         WHERE NOT up.active
     )";

/// Messages that left the visible path, or joined it.
struct Moved {
    count: i64,
    tokens: i64,
}

pub(crate) fn select(
    transaction: &Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    message_id: MessageId,
    now: Timestamp,
) -> rusqlite::Result<SelectOutcome> {
    let Some(tail) = find_tail(transaction, user_id, id, now)? else {
        return Ok(SelectOutcome::NotFound);
    };
    match is_visible(transaction, id, message_id)? {
        None => return Ok(SelectOutcome::NotFound),
        Some(true) => return Ok(SelectOutcome::Visible { changed: false }),
        Some(false) if tail.turn_runs => return Ok(SelectOutcome::TurnInProgress),
        Some(false) => {}
    }
    let end = newest_end(transaction, id, message_id)?;
    show(transaction, id, Some(end))?;
    transaction
        .prepare_cached("UPDATE conversations SET updated_at = ?2 WHERE conversation_id = ?1")?
        .execute(params![id.to_simple(), now.unix_millis()])?;
    Ok(SelectOutcome::Visible { changed: true })
}

pub(crate) fn continue_answer(
    transaction: &Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    continuation: &ContinueAnswer,
    now: Timestamp,
) -> rusqlite::Result<AppendOutcome> {
    let Some(tail) = find_tail(transaction, user_id, id, now)? else {
        return Ok(AppendOutcome::NotFound);
    };
    if let Some(refused) =
        refused(transaction, id, tail, continuation.client_message_id.as_ref(), true)?
    {
        return Ok(refused);
    }
    if !ends_unfinished(transaction, tail, continuation.message_id)? {
        return Ok(AppendOutcome::Conflict { position: tail.position });
    }
    assign_to_turn(transaction, id, continuation, now)?;
    contexts::drop_summary_from(transaction, id, tail.position)?;
    let conversation = rows::find_conversation(transaction, user_id, id)?;
    let answer = rows::find_message(transaction, user_id, id, continuation.message_id)?;
    Ok(match conversation.zip(answer) {
        Some((conversation, answer)) => {
            AppendOutcome::Stored { conversation, messages: vec![answer] }
        }
        None => AppendOutcome::NotFound,
    })
}

/// Makes the path that ends in this message the visible one; without one, an empty one.
pub(crate) fn show(
    transaction: &Transaction<'_>,
    id: ConversationId,
    end: Option<MessageId>,
) -> rusqlite::Result<()> {
    let end = end.map(MessageId::to_simple);
    let parting: u64 = transaction
        .prepare_cached(&format!("{UP} SELECT coalesce(max(position), 0) FROM up WHERE active"))?
        .query_row([&end], |row| row.get(0))?;
    let left = hide_behind(transaction, id, parting)?;
    let joined = show_up_to(transaction, end.as_deref())?;
    transaction
        .prepare_cached(
            "UPDATE conversations SET head = ?2, message_count = message_count + ?3,
                 total_tokens = total_tokens + ?4
             WHERE conversation_id = ?1",
        )?
        .execute(params![
            id.to_simple(),
            end,
            joined.count - left.count,
            joined.tokens - left.tokens
        ])?;
    Ok(())
}

pub(crate) fn children(
    transaction: &Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    parents: &[Option<MessageId>],
) -> rusqlite::Result<Vec<ChildMessage>> {
    let ids: Vec<String> = parents.iter().flatten().copied().map(MessageId::to_simple).collect();
    let ids = serde_json::to_string(&ids).map_err(rows::broken)?;
    transaction
        .prepare_cached(
            "SELECT message_id, parent_id, role, position FROM messages
             WHERE conversation_id = ?1 AND user_id = ?2
                 AND parent_id IN (SELECT value FROM json_each(?3))
             UNION ALL
             SELECT message_id, parent_id, role, position FROM messages
             WHERE conversation_id = ?1 AND user_id = ?2 AND parent_id IS NULL AND ?4
             ORDER BY position",
        )?
        .query_map(
            params![id.to_simple(), user_id.to_simple(), ids, parents.contains(&None)],
            child_message,
        )?
        .collect()
}

fn child_message(row: &Row<'_>) -> rusqlite::Result<ChildMessage> {
    Ok(ChildMessage {
        message_id: rows::parsed(row, "message_id")?,
        parent_id: rows::parsed_option(row, "parent_id")?,
        role: rows::role(row)?,
    })
}

fn is_visible(
    transaction: &Transaction<'_>,
    id: ConversationId,
    message_id: MessageId,
) -> rusqlite::Result<Option<bool>> {
    transaction
        .prepare_cached(
            "SELECT active FROM messages WHERE conversation_id = ?1 AND message_id = ?2",
        )?
        .query_row([id.to_simple(), message_id.to_simple()], |row| row.get(0))
        .optional()
}

/// Where a path ends that leads to this message and goes on with the newest one each time.
fn newest_end(
    transaction: &Transaction<'_>,
    id: ConversationId,
    message_id: MessageId,
) -> rusqlite::Result<MessageId> {
    transaction
        .prepare_cached(
            "WITH RECURSIVE down (message_id, depth) AS (
                 SELECT ?2, 0
                 UNION ALL
                 SELECT (
                     SELECT message_id FROM messages
                     WHERE conversation_id = ?1 AND parent_id = down.message_id
                     ORDER BY position DESC LIMIT 1
                 ), depth + 1
                 FROM down WHERE message_id IS NOT NULL
             )
             SELECT message_id FROM down WHERE message_id IS NOT NULL ORDER BY depth DESC LIMIT 1",
        )?
        .query_row([id.to_simple(), message_id.to_simple()], |row| rows::parsed(row, "message_id"))
}

/// Takes what stands behind this position off the visible path.
fn hide_behind(
    transaction: &Transaction<'_>,
    id: ConversationId,
    position: u64,
) -> rusqlite::Result<Moved> {
    const VISIBLE: &str = "conversation_id = ?1 AND active = 1 AND position > ?2";
    let (first, left): (Option<u64>, Moved) = transaction
        .prepare_cached(&format!(
            "SELECT min(position), count(*), coalesce(sum(token_count), 0) FROM messages
             WHERE {VISIBLE}"
        ))?
        .query_row(params![id.to_simple(), position], |row| {
            Ok((row.get(0)?, Moved { count: row.get(1)?, tokens: row.get(2)? }))
        })?;
    if let Some(first) = first {
        transaction
            .prepare_cached(&format!("UPDATE messages SET active = 0 WHERE {VISIBLE}"))?
            .execute(params![id.to_simple(), position])?;
        contexts::drop_summary_from(transaction, id, first)?;
    }
    Ok(left)
}

/// Puts a message on the visible path, with all that lies between.
fn show_up_to(transaction: &Transaction<'_>, end: Option<&str>) -> rusqlite::Result<Moved> {
    let tokens: Vec<i64> = transaction
        .prepare_cached(&format!(
            "{UP} UPDATE messages SET active = 1
             WHERE message_id IN (SELECT message_id FROM up WHERE NOT active)
             RETURNING token_count"
        ))?
        .query_map([end], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    Ok(Moved { count: tokens.iter().map(|_| 1).sum(), tokens: tokens.iter().sum() })
}

/// Whether the visible path ends in this message, as an answer that can go on.
fn ends_unfinished(
    transaction: &Transaction<'_>,
    tail: Tail,
    message_id: MessageId,
) -> rusqlite::Result<bool> {
    if tail.head != Some(message_id) {
        return Ok(false);
    }
    transaction
        .prepare_cached(
            "SELECT role = 'assistant' AND status <> 'complete' FROM messages
             WHERE message_id = ?1",
        )?
        .query_row([message_id.to_simple()], |row| row.get(0))
}

/// Makes the answer the turn's.
fn assign_to_turn(
    transaction: &Transaction<'_>,
    id: ConversationId,
    continuation: &ContinueAnswer,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let turn_id = continuation.turn.turn_id.to_simple();
    transaction
        .prepare_cached(
            "UPDATE messages SET turn_id = ?2, status = ?3, error_message = NULL, error_code = NULL,
                 client_message_id = coalesce(?4, client_message_id)
             WHERE message_id = ?1",
        )?
        .execute(params![
            continuation.message_id.to_simple(),
            turn_id,
            rows::status_name(MessageStatus::Interrupted),
            continuation.client_message_id.as_ref().map(ClientMessageId::as_str),
        ])?;
    transaction
        .prepare_cached(
            "UPDATE conversations SET updated_at = ?2, running_turn = ?3, lease_until = ?4,
                 archived = 0
             WHERE conversation_id = ?1",
        )?
        .execute(params![
            id.to_simple(),
            now.unix_millis(),
            turn_id,
            continuation.turn.lease_until.unix_millis(),
        ])?;
    Ok(())
}
