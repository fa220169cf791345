//! The events of running turns in a file of their own, so that a killed process loses nothing that readers have seen.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use webchat_domain::{ConversationId, Event, TurnId};
use webchat_persistence::StoreError;
use webchat_persistence::rules::{TurnBoundary, turn_boundary};

use super::mutex::lock;
use crate::database::store_error;
use crate::private_files;

/// The id of the system's current boot, on Linux.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// The time that a write waits for a program that reads the file. It blocks a thread of the server.
const BUSY_TIMEOUT: Duration = Duration::from_millis(50);

/// The size of the write-ahead log, in pages, at which it is copied into the file. It is small, because a write waits
/// for the copy.
const MAX_WAL_PAGES: u32 = 100;

/// The events of running turns, in a SQLite file next to the database.
///
/// Each write reaches the operating system before the event is delivered, but not the disk: it survives a killed
/// process. After a restart of the system, the file is discarded, because its content may be damaged; the answers then
/// have the text that was last saved in the database. The connection is separate from the database's, so that events
/// don't wait for its commits.
pub(crate) struct RunningTurns {
    connection: Mutex<Connection>,
}

/// A turn that was running when the process ended.
pub(super) struct UnfinishedTurn {
    pub(super) conversation_id: ConversationId,
    pub(super) turn_id: TurnId,
    /// The events from the turn's acceptance, oldest first.
    pub(super) events: Vec<Event>,
}

impl RunningTurns {
    /// Opens the file, and creates it if it does not exist. Also returns the turns that were running when the process
    /// ended. A file that can't be read is replaced: it has nothing that the database needs.
    pub(super) fn open(path: &Path) -> Result<(Self, Vec<UnfinishedTurn>), StoreError> {
        let (connection, unfinished) = open_and_read(path).or_else(|error| {
            let error = error.source().map_or_else(String::new, ToString::to_string);
            tracing::warn!(file = %path.display(), error, "replaced unreadable file of running turns");
            private_files::remove_database(path).map_err(StoreError::unavailable)?;
            open_and_read(path)
        })?;
        Ok((Self { connection: Mutex::new(connection) }, unfinished))
    }

    /// Replaces the file's content by these turns.
    pub(super) fn replace(&self, turns: &[UnfinishedTurn]) -> rusqlite::Result<()> {
        let mut connection = lock(&self.connection);
        let transaction = connection.transaction()?;
        transaction.execute("DELETE FROM events", [])?;
        for event in turns.iter().flat_map(|turn| &turn.events) {
            insert(&transaction, event)?;
        }
        transaction.commit()
    }

    /// Stores events of a running turn. If the turn begins with them, they replace those of the previous one.
    pub(super) fn store(
        &self,
        id: ConversationId,
        events: &[Arc<Event>],
        is_begin: bool,
    ) -> rusqlite::Result<()> {
        let mut connection = lock(&self.connection);
        let transaction = connection.transaction()?;
        if is_begin {
            delete(&transaction, id)?;
        }
        for event in events {
            insert(&transaction, event)?;
        }
        transaction.commit()
    }

    /// Removes the events of a conversation whose turn has ended.
    pub(super) fn remove(&self, id: ConversationId) -> rusqlite::Result<()> {
        delete(&lock(&self.connection), id)
    }
}

fn open_and_read(path: &Path) -> Result<(Connection, Vec<UnfinishedTurn>), StoreError> {
    // SQLite would create the file readable for all users.
    private_files::open(path).map_err(StoreError::unavailable)?;
    let connection = connect(path).map_err(store_error)?;
    discard_after_reboot(&connection).map_err(store_error)?;
    let unfinished = unfinished(&connection).map_err(store_error)?;
    Ok((connection, unfinished))
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    connection.pragma_update(None, "wal_autocheckpoint", MAX_WAL_PAGES)?;
    connection.pragma_update(None, "secure_delete", "FAST")?;
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS events (
             conversation_id TEXT NOT NULL,
             seq INTEGER NOT NULL,
             event TEXT NOT NULL,
             PRIMARY KEY (conversation_id, seq)
         ) STRICT, WITHOUT ROWID;
         CREATE TABLE IF NOT EXISTS boot (id TEXT NOT NULL) STRICT",
    )?;
    Ok(connection)
}

/// Deletes all events if the system has restarted since they were written.
fn discard_after_reboot(connection: &Connection) -> rusqlite::Result<()> {
    let current = fs::read_to_string(BOOT_ID).unwrap_or_default();
    let written: Option<String> =
        connection.query_row("SELECT id FROM boot", [], |row| row.get(0)).optional()?;
    if written.as_ref() == Some(&current) {
        return Ok(());
    }
    connection.execute_batch("DELETE FROM events; DELETE FROM boot")?;
    connection.execute("INSERT INTO boot VALUES (?1)", [current]).map(drop)
}

fn unfinished(connection: &Connection) -> rusqlite::Result<Vec<UnfinishedTurn>> {
    let mut select =
        connection.prepare("SELECT conversation_id, event FROM events ORDER BY seq")?;
    let mut stored = select.query([])?;
    let mut by_conversation: BTreeMap<String, Option<Vec<Event>>> = BTreeMap::new();
    while let Some(row) = stored.next()? {
        let events = by_conversation.entry(row.get(0)?).or_insert_with(|| Some(Vec::new()));
        // An event of a newer version may be unknown. Then all events are left out, because there must be no gap.
        match serde_json::from_str(row.get_ref(1)?.as_str()?) {
            Ok(event) => {
                if let Some(events) = events {
                    events.push(event);
                }
            }
            Err(_) => *events = None,
        }
    }
    Ok(by_conversation.into_values().flatten().filter_map(unfinished_turn).collect())
}

/// Returns the turn that began last.
fn unfinished_turn(mut events: Vec<Event>) -> Option<UnfinishedTurn> {
    let begin = |event: &Event| match turn_boundary(&event.body) {
        Some(TurnBoundary::Begin(turn_id)) => Some(turn_id),
        _ => None,
    };
    let first = events.iter().rposition(|event| begin(event).is_some())?;
    let events = events.split_off(first);
    let first = events.first()?;
    let (conversation_id, turn_id) = (first.conversation_id, begin(first)?);
    Some(UnfinishedTurn { conversation_id, turn_id, events })
}

fn insert(transaction: &Transaction<'_>, event: &Event) -> rusqlite::Result<()> {
    let json = serde_json::to_string(event)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    transaction
        .prepare_cached("INSERT OR REPLACE INTO events VALUES (?1, ?2, ?3)")?
        .execute(params![event.conversation_id.to_simple(), event.seq, json])
        .map(drop)
}

fn delete(connection: &Connection, id: ConversationId) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM events WHERE conversation_id = ?1")?
        .execute([id.to_simple()])
        .map(drop)
}
