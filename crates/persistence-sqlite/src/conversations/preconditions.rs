//! Loads the state for the preconditions of appending messages and of continuing an answer.

use rusqlite::{OptionalExtension, Transaction};
use webchat_domain::{ClientMessageId, ConversationId, Message, MessageId, Timestamp};
use webchat_persistence::rules::{self, AppendState, ConversationState, Counterpart};

use crate::rows::{self, MESSAGE};

pub(super) fn load_append_state(
    transaction: &Transaction<'_>,
    state: &ConversationState,
    client_message_id: Option<&ClientMessageId>,
    head_position: u64,
    now: Timestamp,
) -> rusqlite::Result<AppendState> {
    let duplicate = match client_message_id {
        Some(client_message_id) => find_duplicate(transaction, state, client_message_id)?,
        None => Vec::new(),
    };
    Ok(AppendState { duplicate, running_turn: state.running_turn(now), head_position })
}

/// Returns the position of the last message of the visible path, or 0 if the path is empty.
pub(super) fn head_position(
    transaction: &Transaction<'_>,
    head: Option<MessageId>,
) -> rusqlite::Result<u64> {
    let Some(head) = head else { return Ok(0) };
    let position = transaction
        .prepare_cached("SELECT position FROM messages WHERE message_id = ?1")?
        .query_row([head.to_simple()], |row| row.get(0))
        .optional()?;
    Ok(position.unwrap_or(0))
}

/// Removes the client message id, which is unique in the conversation, from a message that a reset removed and that still
/// has to be deleted.
pub(super) fn release_client_message_id(
    transaction: &Transaction<'_>,
    id: ConversationId,
    client_message_id: Option<&ClientMessageId>,
) -> rusqlite::Result<()> {
    let Some(client_message_id) = client_message_id else { return Ok(()) };
    transaction
        .prepare_cached(
            "UPDATE messages SET client_message_id = NULL
             WHERE conversation_id = ?1 AND client_message_id = ?2 AND position <=
                 (SELECT reset_through FROM conversations WHERE conversation_id = ?1)",
        )?
        .execute([&id.to_simple(), client_message_id.as_str()])
        .map(drop)
}

/// Finds the message that was stored under the client message id, and its counterpart.
fn find_duplicate(
    transaction: &Transaction<'_>,
    state: &ConversationState,
    client_message_id: &ClientMessageId,
) -> rusqlite::Result<Vec<Message>> {
    let id = state.conversation.conversation_id.to_simple();
    let filter = "conversation_id = ?1 AND client_message_id = ?2";
    let Some(first) = find_message(transaction, filter, [&id, client_message_id.as_str()])? else {
        return Ok(Vec::new());
    };
    let counterpart = match rules::counterpart(&first) {
        Counterpart::AnswerTo(question) => {
            let filter = "conversation_id = ?1 AND parent_id = ?2 AND role = 'assistant'
                 ORDER BY position LIMIT 1";
            find_message(transaction, filter, [&id, &question.to_simple()])?
        }
        Counterpart::Question(Some(question)) => {
            let filter = "conversation_id = ?1 AND message_id = ?2";
            find_message(transaction, filter, [&id, &question.to_simple()])?
        }
        Counterpart::Question(None) => None,
    };
    Ok(rules::question_and_answer(first, counterpart))
}

fn find_message(
    transaction: &Transaction<'_>,
    filter: &str,
    params: [&str; 2],
) -> rusqlite::Result<Option<Message>> {
    transaction
        .prepare_cached(&format!("SELECT {MESSAGE} FROM live_messages WHERE {filter}"))?
        .query_row(params, rows::read(rows::message))
        .optional()
}
