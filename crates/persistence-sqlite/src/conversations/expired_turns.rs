//! Turns whose lease has expired, or whose end is not published.

use rusqlite::{OptionalExtension, Transaction, params};
use webchat_domain::{ConversationId, Message, Timestamp, TurnId};
use webchat_persistence::{AbandonedTurn, ClaimScope};

use crate::rows::{self, Columns, MESSAGE};

/// The times that decide which turns are abandoned.
#[derive(Clone, Copy)]
pub(super) struct ExpiredTurns {
    /// Turns whose lease expires by this time are abandoned.
    pub(super) expired_by: Timestamp,
    /// Turns whose end was saved by this time and is not published yet are abandoned.
    pub(super) unpublished_since: Timestamp,
}

/// The condition of an abandoned turn. A turn that has ended has no lease.
const EXPIRED: &str = "running_turn IS NOT NULL
    AND (lease_until <= ?1 OR (lease_until IS NULL AND updated_at <= ?2))";

impl ExpiredTurns {
    pub(super) fn exist(self, transaction: &Transaction<'_>) -> rusqlite::Result<bool> {
        transaction
            .prepare_cached(&format!("SELECT 1 FROM conversations WHERE {EXPIRED}"))?
            .exists([self.expired_by.unix_millis(), self.unpublished_since.unix_millis()])
    }

    pub(super) fn claim(
        self,
        transaction: &Transaction<'_>,
        scope: &ClaimScope,
        until: Timestamp,
        limit: u32,
    ) -> rusqlite::Result<Vec<AbandonedTurn>> {
        let (operator, turns) = match scope {
            ClaimScope::AllExcept(turns) => ("NOT IN", turns),
            ClaimScope::Only(turns) => ("IN", turns),
        };
        let mut expired: Vec<AbandonedTurn> = transaction
            .prepare_cached(&format!(
                "SELECT user_id, conversation_id, running_turn FROM conversations
                 WHERE {EXPIRED} AND running_turn {operator} (SELECT value FROM json_each(?4))
                 ORDER BY lease_until LIMIT ?3"
            ))?
            .query_map(
                params![
                    self.expired_by.unix_millis(),
                    self.unpublished_since.unix_millis(),
                    limit,
                    json_list(turns)
                ],
                rows::read(without_answer),
            )?
            .collect::<Result<_, _>>()?;
        for turn in &mut expired {
            transaction
                .prepare_cached(
                    "UPDATE conversations SET lease_until = ?2 WHERE conversation_id = ?1",
                )?
                .execute(params![turn.conversation_id.to_simple(), until.unix_millis()])?;
            turn.answer = find_answer(transaction, turn.turn_id)?;
        }
        Ok(expired)
    }
}

pub(super) fn end_turn(
    transaction: &Transaction<'_>,
    id: ConversationId,
    turn_id: TurnId,
) -> rusqlite::Result<bool> {
    let ended = transaction
        .prepare_cached(
            "UPDATE conversations SET running_turn = NULL, lease_until = NULL
             WHERE conversation_id = ?1 AND running_turn = ?2",
        )?
        .execute([id.to_simple(), turn_id.to_simple()])?;
    Ok(ended > 0)
}

fn json_list(turns: &[TurnId]) -> String {
    let quoted: Vec<_> =
        turns.iter().map(|turn_id| format!("\"{}\"", turn_id.to_simple())).collect();
    format!("[{}]", quoted.join(","))
}

fn without_answer(columns: &mut Columns<'_>) -> rusqlite::Result<AbandonedTurn> {
    Ok(AbandonedTurn {
        user_id: columns.parsed()?,
        conversation_id: columns.parsed()?,
        turn_id: columns.parsed()?,
        answer: None,
    })
}

fn find_answer(
    transaction: &Transaction<'_>,
    turn_id: TurnId,
) -> rusqlite::Result<Option<Message>> {
    transaction
        .prepare_cached(&format!(
            "SELECT {MESSAGE} FROM messages WHERE turn_id = ?1 AND role = 'assistant'"
        ))?
        .query_row([turn_id.to_simple()], rows::read(rows::message))
        .optional()
}
