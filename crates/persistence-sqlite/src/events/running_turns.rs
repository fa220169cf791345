//! The events of running turns in a file of their own, so that a killed process loses nothing that readers have seen.

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::{Connection, params};
use webchat_domain::{ConversationId, Event, EventBody, Timestamp, TurnId};
use webchat_persistence::StoreError;

use super::mutex::lock;
use crate::database::store_error;
use crate::private_files;

/// The events of running turns, in a SQLite file next to the database.
///
/// Each write reaches the operating system before the event is delivered, but not the disk: it survives a killed
/// process, but not a power failure, after which the answers have the text that was last saved in the database. The
/// connection is separate from the database's, so that events don't wait for its commits.
pub(crate) struct RunningTurns {
    connection: Mutex<Connection>,
    /// Whether the last write failed, so that only the first of several failures is logged.
    has_failed: AtomicBool,
}

/// The events of a turn that was running when the process ended, oldest first.
pub(super) struct UnfinishedTurn {
    pub(super) conversation_id: ConversationId,
    pub(super) turn_id: TurnId,
    pub(super) started_at: Timestamp,
    pub(super) events: Vec<Event>,
}

impl RunningTurns {
    /// Opens the file, and creates it if it does not exist. A file that can't be read is replaced: it has nothing that
    /// the database needs.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let opened = open(path).or_else(|error| {
            let error = error.source().map_or_else(String::new, ToString::to_string);
            tracing::warn!(file = %path.display(), error, "replaced unreadable file of running turns");
            private_files::remove_database(path).ok();
            open(path)
        });
        Ok(Self { connection: Mutex::new(opened?), has_failed: AtomicBool::new(false) })
    }

    /// Stores events of a running turn. A failure is only logged, because the database has the answer up to its last
    /// save.
    pub(super) fn store(&self, events: &[impl AsRef<Event>]) {
        let mut connection = lock(&self.connection);
        self.check(insert(&mut connection, events));
    }

    /// Removes the events of a conversation whose turn has ended.
    pub(super) fn remove(&self, id: ConversationId) {
        self.check(delete(&lock(&self.connection), id));
    }

    /// Returns the turns that were running when the process ended.
    pub(super) fn unfinished(&self) -> rusqlite::Result<Vec<UnfinishedTurn>> {
        let connection = lock(&self.connection);
        let mut select =
            connection.prepare("SELECT event FROM events ORDER BY conversation_id, seq")?;
        let mut stored = select.query([])?;
        let mut by_conversation: HashMap<ConversationId, Vec<Event>> = HashMap::new();
        while let Some(row) = stored.next()? {
            // An event of a newer version may be unknown.
            if let Ok(event) = serde_json::from_str::<Event>(row.get_ref(0)?.as_str()?) {
                by_conversation.entry(event.conversation_id).or_default().push(event);
            }
        }
        Ok(by_conversation.into_iter().filter_map(unfinished_turn).collect())
    }

    fn check(&self, result: rusqlite::Result<()>) {
        let is_repeated = self.has_failed.swap(result.is_err(), Ordering::Relaxed);
        if let Err(error) = result
            && !is_repeated
        {
            tracing::warn!(%error, "failed to store events of a running turn");
        }
    }
}

fn open(path: &Path) -> Result<Connection, StoreError> {
    // SQLite would create the file readable for all users.
    private_files::open(path).map_err(StoreError::unavailable)?;
    connect(path).map_err(store_error)
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // Commits don't wait for the disk; only checkpoints do, which keeps the file intact.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "secure_delete", "FAST")?;
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS events (
             conversation_id TEXT NOT NULL,
             seq INTEGER NOT NULL,
             event TEXT NOT NULL,
             PRIMARY KEY (conversation_id, seq)
         ) STRICT, WITHOUT ROWID",
    )?;
    Ok(connection)
}

fn insert(connection: &mut Connection, events: &[impl AsRef<Event>]) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for event in events.iter().map(AsRef::as_ref) {
        let json = serde_json::to_string(event)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        transaction
            .prepare_cached("INSERT OR REPLACE INTO events VALUES (?1, ?2, ?3)")?
            .execute(params![event.conversation_id.to_simple(), event.seq, json])?;
    }
    transaction.commit()
}

fn delete(connection: &Connection, id: ConversationId) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM events WHERE conversation_id = ?1")?
        .execute([id.to_simple()])
        .map(drop)
}

/// Returns the turn that the first of the events begins.
fn unfinished_turn(
    (conversation_id, events): (ConversationId, Vec<Event>),
) -> Option<UnfinishedTurn> {
    let (turn_id, started_at) = events.iter().find_map(|event| match &event.body {
        EventBody::MessageAccepted(accepted) => Some((accepted.turn_id, accepted.created_at)),
        _ => None,
    })?;
    Some(UnfinishedTurn { conversation_id, turn_id, started_at, events })
}
