//! Turns whose hold on their conversation has lapsed.

use rusqlite::{OptionalExtension, Row, Transaction, params};
use webchat_domain::{ConversationId, Message, Timestamp, TurnId};
use webchat_persistence::LapsedTurn;

use crate::rows::{self, MESSAGE};

pub(crate) fn are_there_any(
    transaction: &Transaction<'_>,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    transaction
        .prepare_cached(
            "SELECT 1 FROM conversations WHERE running_turn IS NOT NULL AND lease_until <= ?1",
        )?
        .exists([now.unix_millis()])
}

pub(crate) fn take_over(
    transaction: &Transaction<'_>,
    now: Timestamp,
    until: Timestamp,
    limit: u32,
) -> rusqlite::Result<Vec<LapsedTurn>> {
    let mut lapsed: Vec<LapsedTurn> = transaction
        .prepare_cached(
            "SELECT user_id, conversation_id, running_turn FROM conversations
             WHERE running_turn IS NOT NULL AND lease_until <= ?1
             ORDER BY lease_until LIMIT ?2",
        )?
        .query_map(params![now.unix_millis(), limit], without_answer)?
        .collect::<Result<_, _>>()?;
    for turn in &mut lapsed {
        transaction
            .prepare_cached("UPDATE conversations SET lease_until = ?2 WHERE conversation_id = ?1")?
            .execute(params![turn.conversation_id.to_simple(), until.unix_millis()])?;
        turn.answer = find_answer(transaction, turn.turn_id)?;
    }
    Ok(lapsed)
}

pub(crate) fn end(
    transaction: &Transaction<'_>,
    id: ConversationId,
    turn_id: TurnId,
) -> rusqlite::Result<bool> {
    let ended = transaction.execute(
        "UPDATE conversations SET running_turn = NULL, lease_until = NULL
         WHERE conversation_id = ?1 AND running_turn = ?2",
        [id.to_simple(), turn_id.to_simple()],
    )?;
    Ok(ended > 0)
}

fn without_answer(row: &Row<'_>) -> rusqlite::Result<LapsedTurn> {
    Ok(LapsedTurn {
        owner: rows::parsed(row, "user_id")?,
        conversation_id: rows::parsed(row, "conversation_id")?,
        turn_id: rows::parsed(row, "running_turn")?,
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
        .query_row([turn_id.to_simple()], rows::message)
        .optional()
}
