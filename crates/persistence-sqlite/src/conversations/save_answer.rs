//! Saving an answer while its turn runs, and at its end.

use rusqlite::{OptionalExtension, Transaction, params};
use webchat_domain::{ConversationId, Timestamp};
use webchat_persistence::{AnswerUpdate, rules};

use crate::rows;

pub(super) fn save_answer(
    transaction: &Transaction<'_>,
    id: ConversationId,
    answer: &AnswerUpdate,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    let message_id = answer.message_id.to_simple();
    let Some(more_tokens) = token_difference(transaction, id, answer)? else { return Ok(false) };
    transaction
        .prepare_cached(
            "UPDATE messages SET content = ?2, token_count = ?3, status = ?4,
                 error_message = ?5, error_code = ?6
             WHERE message_id = ?1",
        )?
        .execute(params![
            message_id,
            answer.content,
            answer.token_count,
            rows::status_name(answer.status),
            answer.error.as_ref().map(|error| &error.message),
            answer.error.as_ref().map(|error| &error.code),
        ])?;
    transaction
        .prepare_cached(
            "UPDATE conversations
             SET updated_at = ?2, total_tokens = total_tokens + ?3, lease_until = ?4
             WHERE conversation_id = ?1",
        )?
        .execute(params![
            id.to_simple(),
            now.unix_millis(),
            more_tokens,
            answer.lease_until.map(Timestamp::unix_millis),
        ])?;
    Ok(true)
}

/// What `total_tokens` changes by when the answer is saved; `None` if it can't be.
fn token_difference(
    transaction: &Transaction<'_>,
    id: ConversationId,
    answer: &AnswerUpdate,
) -> rusqlite::Result<Option<i64>> {
    transaction
        .prepare_cached(
            "SELECT running_turn, lease_until, token_count, active
             FROM messages JOIN conversations USING (conversation_id)
             WHERE conversation_id = ?1 AND message_id = ?2",
        )?
        .query_row([id.to_simple(), answer.message_id.to_simple()], |row| {
            let turn_id = rows::parsed_option(row, "running_turn")?;
            let lease_until = rows::timestamp_option(row, "lease_until")?;
            let (saved, is_active) = (row.get("token_count")?, row.get("active")?);
            Ok(rules::can_save_answer(answer, turn_id, lease_until)
                .then(|| rules::token_difference(answer, saved, is_active)))
        })
        .optional()
        .map(Option::flatten)
}
