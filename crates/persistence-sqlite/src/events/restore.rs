//! Restores the events of turns that were running when the process ended.

use std::path::Path;

use rusqlite::Transaction;
use tokio::task::spawn_blocking;
use webchat_persistence::StoreError;

use super::numbers;
use super::running_turns::{RunningTurns, UnfinishedTurn};
use super::topic::Topics;
use crate::database::{Database, store_error};

/// Opens the file of running turns at this path. Returns it, and the events of the turns that were running.
pub(crate) async fn restore(
    database: &Database,
    path: &Path,
) -> Result<(Topics, RunningTurns), StoreError> {
    let path = path.to_owned();
    let opened = spawn_blocking(move || RunningTurns::open(&path)).await;
    let (running_turns, unfinished) = opened.map_err(StoreError::fault)??;
    let running = database.read(move |transaction| {
        let mut running = Vec::new();
        for turn in unfinished {
            if is_running(transaction, &turn)? {
                running.push(turn);
            }
        }
        Ok(running)
    });
    let running = running.await?;
    running_turns.replace(&running).map_err(store_error)?;
    let mut topics = Topics::new();
    for turn in running {
        topics.restore(turn);
    }
    Ok((topics, running_turns))
}

/// Returns whether the turn is still to be ended. Otherwise its conversation was reset or deleted, or the database was
/// restored from a backup, where later events would also get lower numbers.
fn is_running(transaction: &Transaction<'_>, turn: &UnfinishedTurn) -> rusqlite::Result<bool> {
    let id = turn.conversation_id;
    let reserved = numbers::find_reserved(transaction, id)?;
    let is_numbered = turn.events.last().is_some_and(|last| last.seq <= reserved);
    let is_known = transaction
        .prepare_cached(
            "SELECT 1 FROM conversations WHERE conversation_id = ?1 AND running_turn = ?2",
        )?
        .exists([id.to_simple(), turn.turn_id.to_simple()])?;
    Ok(is_numbered && is_known)
}
