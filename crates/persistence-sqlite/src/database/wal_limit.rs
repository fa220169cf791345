//! Limits the size of the write-ahead log.
//!
//! SQLite reuses the log from its beginning once all of it is in the database and no read uses it. While long reads
//! overlap, this never happens, and the log grows with each change. Therefore, while the log is too large, new long reads
//! of heavy users and bulk changes wait until it is truncated.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use webchat_persistence::StoreError;

use super::connect::{BUSY_TIMEOUT, open_writer, store_error};
use super::metrics::record_wal_bytes;

/// The size of the log above which long reads of heavy users and bulk changes wait.
const MAX_BYTES: u64 = 128 * 1024 * 1024;

/// The maximum time that they wait. Another process may be reading the database for longer, for example a backup.
const MAX_PAUSE: Duration = Duration::from_secs(4);

/// The time between a pause in which the log could not be truncated and the next pause.
const RETRY_INTERVAL: Duration = Duration::from_mins(1);

/// The time between two attempts to truncate the log.
const ATTEMPT_INTERVAL: Duration = Duration::from_millis(200);

/// The maximum time that an attempt waits for reads to end. All changes wait during this time.
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(50);

/// The maximum time for which the truncation of a log is attempted whose size does not matter.
const MAX_TRUNCATION: Duration = Duration::from_mins(1);

/// Truncates the log when it is too large. Used by the writer.
pub(super) struct WalLimit {
    wal: PathBuf,
    max_bytes: u64,
    is_paused: watch::Sender<bool>,
    paused_at: Instant,
    next_attempt: Instant,
}

/// Lets reads wait while the log is too large.
#[derive(Clone)]
pub(super) struct WalPause(watch::Receiver<bool>);

impl WalLimit {
    pub(super) fn new(database: &Path) -> Self {
        let mut wal = OsString::from(database);
        wal.push("-wal");
        let now = Instant::now();
        Self {
            wal: wal.into(),
            max_bytes: MAX_BYTES,
            is_paused: watch::Sender::new(false),
            paused_at: now,
            next_attempt: now,
        }
    }

    pub(super) fn pause(&self) -> WalPause {
        WalPause(self.is_paused.subscribe())
    }

    pub(super) fn is_exceeded(&self) -> bool {
        *self.is_paused.borrow()
    }

    /// Truncates the log if it is too large. The writer calls this after each change.
    pub(super) fn check(&mut self, connection: &Connection, now: Instant) {
        if now < self.next_attempt || (!self.is_exceeded() && self.size() <= self.max_bytes) {
            return;
        }
        if !self.is_paused.send_replace(true) {
            self.paused_at = now;
        }
        self.next_attempt = now + ATTEMPT_INTERVAL;
        let is_truncated = truncate(connection);
        if !is_truncated && now < self.paused_at + MAX_PAUSE {
            return;
        }
        if !is_truncated {
            tracing::warn!(bytes = self.size(), "failed to truncate the write-ahead log");
            self.next_attempt = now + RETRY_INTERVAL;
        }
        self.is_paused.send_replace(false);
    }

    fn size(&self) -> u64 {
        let bytes = fs::metadata(&self.wal).map_or(0, |metadata| metadata.len());
        record_wal_bytes(bytes);
        bytes
    }
}

impl WalPause {
    /// Waits until the log is small enough. Cancel safe.
    pub(super) async fn wait_until_ended(&mut self) {
        // Fails only if the database is closed.
        self.0.wait_for(|is_paused| !is_paused).await.ok();
    }
}

#[cfg(test)]
impl WalPause {
    pub(super) fn fixture() -> (watch::Sender<bool>, Self) {
        let (is_paused, receiver) = watch::channel(false);
        (is_paused, Self(receiver))
    }
}

/// Truncates the log whatever its size, as soon as no read uses it.
pub(super) async fn truncate_log(path: PathBuf) -> Result<(), StoreError> {
    let open = spawn_blocking(move || open_writer(&path));
    let mut connection = open.await.map_err(StoreError::fault)?.map_err(store_error)?;
    let deadline = Instant::now() + MAX_TRUNCATION;
    loop {
        let attempt = spawn_blocking(move || (truncate(&connection), connection));
        let is_truncated;
        (is_truncated, connection) = attempt.await.map_err(StoreError::fault)?;
        if is_truncated {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(StoreError::unavailable(
                "a read prevents the truncation of the write-ahead log",
            ));
        }
        sleep(ATTEMPT_INTERVAL).await;
    }
}

/// Moves the log into the database and truncates it. Returns `false` if a read or an error prevents this.
fn truncate(connection: &Connection) -> bool {
    let attempt = || {
        connection.busy_timeout(ATTEMPT_TIMEOUT)?;
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
    };
    let is_busy: rusqlite::Result<bool> = attempt();
    connection.busy_timeout(BUSY_TIMEOUT).ok();
    matches!(is_busy, Ok(false))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::database::connect::{open_reader, open_writer};

    /// Returns a writer whose log is too large, and a reader that uses the log.
    fn open() -> (TempDir, Connection, Connection, WalLimit) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("webchat.db");
        let writer = open_writer(&path).unwrap();
        writer.execute_batch("CREATE TABLE numbers (number INTEGER)").unwrap();
        let reader = open_reader(&path).unwrap();
        reader.execute_batch("BEGIN; SELECT * FROM numbers").unwrap();
        writer.execute_batch("INSERT INTO numbers VALUES (1)").unwrap();
        let wal_limit = WalLimit { max_bytes: 1, ..WalLimit::new(&path) };
        (dir, writer, reader, wal_limit)
    }

    #[test]
    fn long_reads_pause_until_an_oversized_log_is_truncated() {
        let (_dir, writer, reader, mut wal_limit) = open();
        let now = Instant::now();

        wal_limit.check(&writer, now);
        let during_the_read = (wal_limit.is_exceeded(), wal_limit.size() > 0);
        reader.execute_batch("COMMIT").unwrap();
        wal_limit.check(&writer, now + ATTEMPT_INTERVAL);

        assert_eq!(during_the_read, (true, true));
        assert_eq!((wal_limit.is_exceeded(), wal_limit.size()), (false, 0));
    }

    #[test]
    fn an_endless_read_pauses_others_only_for_the_maximum_time() {
        let (_dir, writer, _reader, mut wal_limit) = open();
        let now = Instant::now();

        let mut at = |time| {
            wal_limit.check(&writer, now + time);
            wal_limit.is_exceeded()
        };

        assert!(at(Duration::ZERO));
        assert!(!at(MAX_PAUSE));
        assert!(!at(MAX_PAUSE + ATTEMPT_INTERVAL));
        assert!(at(MAX_PAUSE + RETRY_INTERVAL));
    }
}
