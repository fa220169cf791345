use rusqlite::{OptionalExtension, Transaction, params};
use webchat_domain::{ClientMessageId, ConversationId, Message, MessageId, Timestamp, UserId};
use webchat_persistence::AppendOutcome;

use crate::rows::{self, MESSAGE};

/// Where a conversation ends.
#[derive(Clone, Copy)]
pub(crate) struct Tail {
    pub(crate) last_position: u64,
    /// The end of its visible path, and its position: 0 without one.
    pub(crate) head: Option<MessageId>,
    pub(crate) position: u64,
    pub(crate) turn_runs: bool,
}

/// Why nothing begins: its name is known, or a turn runs beside which no other may.
pub(crate) fn refused(
    transaction: &Transaction<'_>,
    id: ConversationId,
    tail: Tail,
    client_message_id: Option<&ClientMessageId>,
    is_turn: bool,
) -> rusqlite::Result<Option<AppendOutcome>> {
    if let Some(client_message_id) = client_message_id {
        let earlier = sent_before(transaction, id, client_message_id)?;
        if !earlier.is_empty() {
            return Ok(Some(AppendOutcome::Duplicate(earlier)));
        }
    }
    Ok((is_turn && tail.turn_runs).then_some(AppendOutcome::TurnInProgress))
}

pub(crate) fn find_tail(
    transaction: &Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    now: Timestamp,
) -> rusqlite::Result<Option<Tail>> {
    transaction
        .prepare_cached(
            "SELECT last_position, head,
                 coalesce((SELECT position FROM messages WHERE message_id = head), 0) AS position,
                 running_turn IS NOT NULL AND coalesce(lease_until > ?3, FALSE) AS turn_runs
             FROM conversations WHERE conversation_id = ?1 AND user_id = ?2",
        )?
        .query_row(params![id.to_simple(), user_id.to_simple(), now.unix_millis()], |row| {
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
