//! Continuing an unfinished answer.

use rusqlite::{OptionalExtension, Transaction, params};
use webchat_domain::{
    ClientMessageId, ConversationId, MessageId, ModelId, Timestamp, TurnId, UserId,
};
use webchat_persistence::rules::{self, StoredName};
use webchat_persistence::{AppendOutcome, ContinueAnswer, StoredMessage};

use super::preconditions::{load_append_state, release_client_message_id};
use crate::contexts;
use crate::rows::{self, STORED_MESSAGE};

pub(super) fn continue_answer(
    transaction: &Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    continuation: &ContinueAnswer,
    now: Timestamp,
) -> rusqlite::Result<AppendOutcome> {
    let Some(state) = rows::find_state(transaction, user_id, id)? else {
        return Ok(AppendOutcome::NotFound);
    };
    let head = find_head(transaction, state.head)?;
    let client_message_id = continuation.client_message_id.as_ref();
    let append_state = load_append_state(transaction, &state, client_message_id, 0, now)?;
    let answer = match rules::check_continuation(continuation, head, append_state) {
        Ok(answer) => answer,
        Err(rejected) => return Ok(rejected),
    };
    let (state, answer) = rules::continue_answer(state, answer, continuation, now);
    release_client_message_id(transaction, id, client_message_id)?;
    update_answer(transaction, &answer)?;
    rows::update_state(transaction, &state)?;
    contexts::drop_summary_covering(transaction, id, answer.message.position)?;
    let messages = vec![answer.message];
    Ok(AppendOutcome::Stored { conversation: state.conversation, messages })
}

fn find_head(
    transaction: &Transaction<'_>,
    head: Option<MessageId>,
) -> rusqlite::Result<Option<StoredMessage>> {
    let Some(head) = head else { return Ok(None) };
    transaction
        .prepare_cached(&format!("SELECT {STORED_MESSAGE} FROM messages WHERE message_id = ?1"))?
        .query_row([head.to_simple()], rows::read(rows::stored_message))
        .optional()
}

/// Writes the fields of the answer that a continuation changes.
fn update_answer(transaction: &Transaction<'_>, answer: &StoredMessage) -> rusqlite::Result<()> {
    let StoredMessage { message, client_message_id, .. } = answer;
    transaction
        .prepare_cached(
            "UPDATE messages SET turn_id = ?2, status = ?3, error_message = ?4, error_code = ?5,
                 ended_at = ?6, client_message_id = ?7, created_at = ?8, token_count = ?9,
                 content = iif(?10, '', content), reasoning = iif(?10, NULL, reasoning),
                 reasoning_ms = iif(?10, NULL, reasoning_ms),
                 reasoning_tokens = iif(?10, NULL, reasoning_tokens), model = ?11
             WHERE message_id = ?1",
        )?
        .execute(params![
            message.message_id.to_simple(),
            message.turn_id.map(TurnId::to_simple),
            message.status.stored_name(),
            message.error.as_ref().map(|error| &error.message),
            message.error.as_ref().map(|error| &error.code),
            message.ended_at.map(Timestamp::unix_millis),
            client_message_id.as_ref().map(ClientMessageId::as_str),
            message.created_at.unix_millis(),
            message.token_count,
            message.content.is_empty(),
            message.model.as_ref().map(ModelId::as_str),
        ])?;
    Ok(())
}
