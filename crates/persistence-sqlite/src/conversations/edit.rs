//! Editing a conversation, and emptying it.

use rusqlite::{Transaction, params};
use webchat_domain::{ConversationId, Timestamp, Title, UserId};
use webchat_persistence::{Edit, EditOutcome, rules};

use crate::{contexts, files, rows};

pub(super) fn edit(
    transaction: &Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    edit: &Edit,
    now: Timestamp,
) -> rusqlite::Result<EditOutcome> {
    let Some(found) = rows::find_conversation(transaction, user_id, id)? else {
        return Ok(EditOutcome::NotFound);
    };
    if let Err(rejected) = rules::check_edit(edit, &found) {
        return Ok(rejected);
    }
    let edited = rules::apply_edit(edit, found, now);
    transaction
        .prepare_cached(
            "UPDATE conversations SET title = ?2, archived = ?3, updated_at = ?4
             WHERE conversation_id = ?1",
        )?
        .execute(params![
            id.to_simple(),
            edited.title.as_ref().map(Title::as_str),
            edited.archived,
            edited.updated_at.unix_millis(),
        ])?;
    Ok(EditOutcome::Stored(edited))
}

pub(super) fn reset(
    transaction: &Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    let updated = transaction.execute(
        "UPDATE conversations SET updated_at = ?3, message_count = 0, total_tokens = 0,
             head = NULL, running_turn = NULL, lease_until = NULL
         WHERE conversation_id = ?1 AND user_id = ?2",
        params![id.to_simple(), user_id.to_simple(), now.unix_millis()],
    )?;
    if updated > 0 {
        transaction.execute("DELETE FROM messages WHERE conversation_id = ?1", [id.to_simple()])?;
        contexts::reset(transaction, id)?;
        files::delete_all(transaction, id)?;
    }
    Ok(updated > 0)
}
