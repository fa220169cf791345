//! Saving an answer while its turn runs, and at its end.

use rusqlite::{OptionalExtension, Transaction, params};
use webchat_domain::{ConversationId, MessageId, Timestamp};
use webchat_persistence::AnswerUpdate;
use webchat_persistence::rules::{self, SavedAnswer, StoredName};
use webchat_persistence::search::IndexTerms;

use crate::{rows, search};

/// Saves an answer, whose terms the caller has found before the transaction, which others wait for.
pub(super) fn save_answer(
    transaction: &Transaction<'_>,
    id: ConversationId,
    answer: &AnswerUpdate,
    terms: &IndexTerms,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    let state = rows::find_state_by_id(transaction, id)?;
    let saved = find_saved(transaction, id, answer.message_id)?;
    let (Some(state), Some(saved)) = (state, saved) else { return Ok(false) };
    let Some(state) = rules::save_answer(state, answer, saved, now) else { return Ok(false) };
    rows::update_state(transaction, &state)?;
    update_answer(transaction, answer)?;
    search::reindex(transaction, answer.message_id, terms)?;
    Ok(true)
}

fn find_saved(
    transaction: &Transaction<'_>,
    id: ConversationId,
    message_id: MessageId,
) -> rusqlite::Result<Option<SavedAnswer>> {
    transaction
        .prepare_cached(
            "SELECT token_count, active FROM live_messages
             WHERE conversation_id = ?1 AND message_id = ?2",
        )?
        .query_row(
            [id.to_simple(), message_id.to_simple()],
            rows::read(|columns| {
                Ok(SavedAnswer { token_count: columns.value()?, is_active: columns.value()? })
            }),
        )
        .optional()
}

fn update_answer(transaction: &Transaction<'_>, answer: &AnswerUpdate) -> rusqlite::Result<()> {
    let reasoning = answer.reasoning.as_ref();
    transaction
        .prepare_cached(
            "UPDATE messages SET content = ?2, token_count = ?3, status = ?4,
                 error_message = ?5, error_code = ?6, ended_at = ?7, reasoning = ?8,
                 reasoning_ms = ?9, reasoning_tokens = ?10
             WHERE message_id = ?1",
        )?
        .execute(params![
            answer.message_id.to_simple(),
            answer.content,
            answer.token_count,
            answer.status.stored_name(),
            answer.error.as_ref().map(|error| &error.message),
            answer.error.as_ref().map(|error| &error.code),
            answer.ended_at.map(Timestamp::unix_millis),
            reasoning.map(|reasoning| &reasoning.text),
            reasoning.map(|reasoning| reasoning.duration_ms),
            reasoning.map(|reasoning| reasoning.tokens),
        ])
        .map(drop)
}
