//! Restores the events of turns that were running when the process ended.

use std::path::Path;

use rusqlite::Transaction;
use tokio::task::spawn_blocking;
use webchat_persistence::StoreError;

use super::numbers;
use super::running_turns::{RunningTurns, UnfinishedTurn, read_unfinished};
use super::topic::Topics;
use crate::database::Database;

/// Reads the turns that were running when the process ended from the file at this path. Returns their events, and the
/// new file.
pub(crate) async fn restore(
    database: &Database,
    path: &Path,
) -> Result<(Topics, RunningTurns), StoreError> {
    let file = path.to_owned();
    let unfinished = spawn_blocking(move || read(&file)).await.map_err(StoreError::fault)?;
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
    let running_turns = RunningTurns::create(path, &running).map_err(StoreError::unavailable)?;
    let mut topics = Topics::new();
    for turn in running {
        topics.restore(turn);
    }
    Ok((topics, running_turns))
}

/// A file that can't be read is ignored: it has nothing that the database needs.
fn read(path: &Path) -> Vec<UnfinishedTurn> {
    read_unfinished(path).unwrap_or_else(|error| {
        tracing::warn!(file = %path.display(), %error, "failed to read the events of running turns");
        Vec::new()
    })
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
