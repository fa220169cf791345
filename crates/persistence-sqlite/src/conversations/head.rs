//! Where a conversation ends, and whether a turn runs in it.

use rusqlite::{OptionalExtension, Row, Transaction, params};
use webchat_domain::{
    ClientMessageId, ConversationId, Message, MessageId, Timestamp, Title, TurnId, UserId,
};
use webchat_persistence::rules::{self, AppendState};

use crate::rows::{self, MESSAGE};

pub(super) struct Head {
    pub(super) title: Option<Title>,
    pub(super) last_position: u64,
    /// The last message of the visible path, and its position: 0 without one.
    pub(super) message_id: Option<MessageId>,
    pub(super) position: u64,
    pub(super) running_turn: Option<TurnId>,
}

impl Head {
    pub(super) fn find(
        transaction: &Transaction<'_>,
        user_id: UserId,
        id: ConversationId,
        now: Timestamp,
    ) -> rusqlite::Result<Option<Self>> {
        transaction
            .prepare_cached(
                "SELECT title, last_position, head, running_turn, lease_until,
                     coalesce((SELECT position FROM messages WHERE message_id = head), 0) AS position
                 FROM conversations WHERE conversation_id = ?1 AND user_id = ?2",
            )?
            .query_row([id.to_simple(), user_id.to_simple()], |row| Self::from_row(row, now))
            .optional()
    }

    fn from_row(row: &Row<'_>, now: Timestamp) -> rusqlite::Result<Self> {
        Ok(Self {
            title: rows::title(row)?,
            last_position: row.get("last_position")?,
            message_id: rows::parsed_option(row, "head")?,
            position: row.get("position")?,
            running_turn: running_turn(row, now)?,
        })
    }

    /// Loads what the rules of an append or a continuation need.
    pub(super) fn append_state(
        &self,
        transaction: &Transaction<'_>,
        id: ConversationId,
        client_message_id: Option<&ClientMessageId>,
    ) -> rusqlite::Result<AppendState> {
        Ok(AppendState {
            duplicate: match client_message_id {
                Some(client_message_id) => find_duplicate(transaction, id, client_message_id)?,
                None => Vec::new(),
            },
            running_turn: self.running_turn,
            head_position: self.position,
        })
    }
}

/// The turn of a row of `conversations` whose lease is valid at `now`.
pub(super) fn running_turn(row: &Row<'_>, now: Timestamp) -> rusqlite::Result<Option<TurnId>> {
    let turn_id = rows::parsed_option(row, "running_turn")?;
    Ok(rules::running_turn(turn_id, rows::timestamp_option(row, "lease_until")?, now))
}

/// Finds the messages that were stored under the client message id, with the other message of their
/// exchange.
fn find_duplicate(
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
