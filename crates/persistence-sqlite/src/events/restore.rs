//! Restores the events of turns that were running when the process ended.

use std::path::Path;
use std::time::Duration;

use rusqlite::Transaction;
use tokio::task::spawn_blocking;
use webchat_domain::{Clock, SystemClock};
use webchat_persistence::StoreError;

use super::numbers;
use super::running_turns::{RunningTurns, UnfinishedTurn};
use super::topic::Topics;
use crate::database::{Database, store_error};

/// A turn that began longer ago is not restored: nobody has ended it after several starts, so its conversation was
/// deleted.
const MAX_AGE: Duration = Duration::from_hours(24);

/// Opens the file of running turns at this path. Returns it, and the events of the turns that were running.
pub(crate) async fn restore(
    database: &Database,
    path: &Path,
) -> Result<(Topics, RunningTurns), StoreError> {
    let path = path.to_owned();
    let open = move || {
        let running_turns = RunningTurns::open(&path)?;
        let unfinished = running_turns.unfinished().map_err(store_error)?;
        Ok::<_, StoreError>((running_turns, unfinished))
    };
    let (running_turns, unfinished) = spawn_blocking(open).await.map_err(StoreError::fault)??;
    let split = move |transaction: &Transaction<'_>| split(transaction, unfinished);
    let (restored, outdated) = database.read(split).await?;
    for turn in outdated {
        running_turns.remove(turn.conversation_id);
    }
    let mut topics = Topics::new();
    for turn in restored {
        topics.restore(turn);
    }
    Ok((topics, running_turns))
}

/// Returns the turns to restore, and the others.
fn split(
    transaction: &Transaction<'_>,
    unfinished: Vec<UnfinishedTurn>,
) -> rusqlite::Result<(Vec<UnfinishedTurn>, Vec<UnfinishedTurn>)> {
    let oldest = SystemClock.now().minus(MAX_AGE);
    let (mut restored, mut outdated) = (Vec::new(), Vec::new());
    for turn in unfinished {
        // If the database was restored from a backup, the next events would get lower numbers.
        let reserved = numbers::find_reserved(transaction, turn.conversation_id)?;
        let is_numbered = turn.events.last().is_some_and(|last| last.seq <= reserved);
        let is_current = is_numbered && turn.started_at > oldest;
        if is_current { restored.push(turn) } else { outdated.push(turn) }
    }
    Ok((restored, outdated))
}
