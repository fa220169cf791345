//! Continuing an unfinished answer.

use rusqlite::{Transaction, params};
use webchat_domain::{ClientMessageId, ConversationId, Message, Timestamp, TurnId, UserId};
use webchat_persistence::{AppendOutcome, ContinueAnswer, rules};

use super::head::Head;
use crate::{contexts, rows};

pub(super) fn continue_answer(
    transaction: &Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    continuation: &ContinueAnswer,
    now: Timestamp,
) -> rusqlite::Result<AppendOutcome> {
    let Some(head) = Head::find(transaction, user_id, id, now)? else {
        return Ok(AppendOutcome::NotFound);
    };
    let state = head.append_state(transaction, id, continuation.client_message_id.as_ref())?;
    let last = match head.message_id {
        Some(message_id) => rows::find_message(transaction, user_id, id, message_id)?,
        None => None,
    };
    if let Err(rejected) = rules::check_continuation(continuation, last.as_ref(), state) {
        return Ok(rejected);
    }
    let Some(answer) = last else { return Ok(AppendOutcome::NotFound) };
    let answer = rules::continued_answer(answer, continuation);
    update_answer(transaction, &answer, continuation.client_message_id.as_ref())?;
    start_turn(transaction, id, continuation, now)?;
    contexts::drop_summary_from(transaction, id, answer.position)?;
    match rows::find_conversation(transaction, user_id, id)? {
        Some(conversation) => Ok(AppendOutcome::Stored { conversation, messages: vec![answer] }),
        None => Ok(AppendOutcome::NotFound),
    }
}

fn update_answer(
    transaction: &Transaction<'_>,
    answer: &Message,
    client_message_id: Option<&ClientMessageId>,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "UPDATE messages SET turn_id = ?2, status = ?3, error_message = ?4, error_code = ?5,
                 client_message_id = coalesce(?6, client_message_id)
             WHERE message_id = ?1",
        )?
        .execute(params![
            answer.message_id.to_simple(),
            answer.turn_id.map(TurnId::to_simple),
            rows::status_name(answer.status),
            answer.error.as_ref().map(|error| &error.message),
            answer.error.as_ref().map(|error| &error.code),
            client_message_id.map(ClientMessageId::as_str),
        ])?;
    Ok(())
}

/// Leases the conversation to the turn, and takes it out of the archive.
fn start_turn(
    transaction: &Transaction<'_>,
    id: ConversationId,
    continuation: &ContinueAnswer,
    now: Timestamp,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "UPDATE conversations SET updated_at = ?2, running_turn = ?3, lease_until = ?4,
                 archived = 0
             WHERE conversation_id = ?1",
        )?
        .execute(params![
            id.to_simple(),
            now.unix_millis(),
            continuation.turn.turn_id.to_simple(),
            continuation.turn.lease_until.unix_millis(),
        ])?;
    Ok(())
}
