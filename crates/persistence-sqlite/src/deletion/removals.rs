//! Pending deletions: messages already hidden from readers but not yet deleted. The table is `removals`.

use rusqlite::{OptionalExtension, Transaction, params};
use webchat_domain::{ConversationId, UserId};
use webchat_persistence::StoreError;

use crate::database::{BatchSize, Database};
use crate::rows::NO_OWNER;
use crate::{contexts, files};

/// Hides the conversation, and schedules its deletion. Returns `false` if the user has no such conversation.
pub(crate) fn hide(
    transaction: &Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
) -> rusqlite::Result<bool> {
    let id = id.to_simple();
    let is_owner = transaction
        .prepare_cached("SELECT 1 FROM conversations WHERE conversation_id = ?1 AND user_id = ?2")?
        .exists([&id, &user_id.to_simple()])?;
    if is_owner {
        discard(transaction, &id)?;
    }
    Ok(is_owner)
}

/// Hides a conversation of any user, or an incomplete one, and schedules its deletion.
pub(crate) fn discard(transaction: &Transaction<'_>, id: &str) -> rusqlite::Result<()> {
    contexts::delete(transaction, id)?;
    files::delete_all(transaction, id)?;
    transaction
        .prepare_cached(
            "UPDATE conversations SET user_id = ?2, running_turn = NULL, lease_until = NULL,
                 compacting_until = NULL
             WHERE conversation_id = ?1",
        )?
        .execute([id, NO_OWNER])?;
    schedule(transaction, id)
}

/// Hides all current messages of the conversation, and schedules their deletion.
pub(crate) fn reset(transaction: &Transaction<'_>, id: ConversationId) -> rusqlite::Result<()> {
    let id = id.to_simple();
    transaction
        .prepare_cached(
            "UPDATE conversations SET reset_through = last_position WHERE conversation_id = ?1",
        )?
        .execute([&id])?;
    schedule(transaction, &id)
}

fn schedule(transaction: &Transaction<'_>, id: &str) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("INSERT OR IGNORE INTO removals VALUES (?1)")?
        .execute([id])
        .map(drop)
}

/// Deletes all hidden messages of this conversation, and the conversation itself if it is hidden. Returns `false` if
/// no deletion is pending.
pub(crate) async fn finish(database: &Database, id: ConversationId) -> Result<bool, StoreError> {
    let is_pending = move |transaction: &Transaction<'_>| is_pending(transaction, &id.to_simple());
    if !database.read(is_pending).await? {
        return Ok(false);
    }
    let delete_more = move |transaction: &Transaction<'_>| {
        let is_pending = is_pending(transaction)?;
        if is_pending {
            delete_batch(transaction, &id.to_simple())?;
        }
        Ok(is_pending)
    };
    while database.write_bulk(delete_more).await? {}
    Ok(true)
}

fn is_pending(transaction: &Transaction<'_>, id: &str) -> rusqlite::Result<bool> {
    transaction.prepare_cached("SELECT 1 FROM removals WHERE conversation_id = ?1")?.exists([id])
}

/// Returns whether deletions are pending.
pub(crate) fn exist(transaction: &Transaction<'_>) -> rusqlite::Result<bool> {
    transaction.prepare_cached("SELECT 1 FROM removals LIMIT 1")?.exists([])
}

/// Deletes a batch of messages. Returns `false` if no deletion is pending.
pub(super) fn delete_next(transaction: &Transaction<'_>) -> rusqlite::Result<bool> {
    let next: Option<String> = transaction
        .prepare_cached("SELECT conversation_id FROM removals LIMIT 1")?
        .query_row([], |row| row.get(0))
        .optional()?;
    match next {
        Some(id) => delete_batch(transaction, &id).map(|()| true),
        None => Ok(false),
    }
}

/// Deletes a batch of the conversation's hidden messages. If there are none, ends its pending deletion.
fn delete_batch(transaction: &Transaction<'_>, id: &str) -> rusqlite::Result<()> {
    let (user_id, reset_through): (String, i64) = transaction
        .prepare_cached(
            "SELECT user_id, reset_through FROM conversations WHERE conversation_id = ?1",
        )?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let is_deleted = user_id == NO_OWNER;
    let through = if is_deleted { i64::MAX } else { reset_through };
    let last = last_of_batch(transaction, id, through)?;
    match last {
        Some(last) => delete_messages(transaction, id, last),
        None if is_deleted => transaction
            .prepare_cached("DELETE FROM conversations WHERE conversation_id = ?1")?
            .execute([id])
            .map(drop),
        None => end_reset(transaction, id),
    }
}

/// Returns the position of the last message of the next batch. Returns `None` if there are no messages.
fn last_of_batch(
    transaction: &Transaction<'_>,
    id: &str,
    through: i64,
) -> rusqlite::Result<Option<i64>> {
    let mut statement = transaction.prepare_cached(
        "SELECT position, octet_length(content) FROM messages
         WHERE conversation_id = ?1 AND position <= ?2 ORDER BY position",
    )?;
    let mut rows = statement.query(params![id, through])?;
    let (mut batch, mut last) = (BatchSize::default(), None);
    while let Some(row) = rows.next()?
        && batch.add(row.get(1)?)
    {
        last = Some(row.get(0)?);
    }
    Ok(last)
}

fn delete_messages(transaction: &Transaction<'_>, id: &str, through: i64) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("DELETE FROM messages WHERE conversation_id = ?1 AND position <= ?2")?
        .execute(params![id, through])
        .map(drop)
}

fn end_reset(transaction: &Transaction<'_>, id: &str) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("UPDATE conversations SET reset_through = 0 WHERE conversation_id = ?1")?
        .execute([id])?;
    transaction
        .prepare_cached("DELETE FROM removals WHERE conversation_id = ?1")?
        .execute([id])
        .map(drop)
}
