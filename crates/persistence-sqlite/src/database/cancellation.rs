//! Cancels a query that runs on another thread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, InterruptHandle};

/// The number of instructions of SQLite's virtual machine between two checks whether the query was cancelled.
const INSTRUCTIONS_PER_CHECK: i32 = 1_000;

/// Cancels a query that is running or about to run.
#[derive(Default)]
pub(super) struct Cancellation {
    started_at: OnceLock<Instant>,
    is_cancelled: AtomicBool,
    /// Stops the query, while it runs on the connection.
    interrupt_handle: Mutex<Option<InterruptHandle>>,
}

/// Cancels the query when dropped. Has no effect on a query that has ended.
pub(super) struct CancelOnDrop(pub(super) Arc<Cancellation>);

impl Cancellation {
    pub(super) fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Relaxed)
    }

    /// Starts measuring the time of the query. Later calls have no effect.
    pub(super) fn start(&self) {
        self.started_at.get_or_init(Instant::now);
    }

    /// Returns the time that the query may still take: all of it if it has not started.
    pub(super) fn remaining(&self, time_limit: Duration) -> Duration {
        self.started_at
            .get()
            .map_or(time_limit, |started| time_limit.saturating_sub(started.elapsed()))
    }

    /// Runs the query unless it is cancelled already.
    ///
    /// The query is cancelled in two ways, because neither is sufficient. The progress handler is called while SQLite's
    /// virtual machine runs, but not within one step of the full-text index. The interrupt takes effect whenever the
    /// index reads a page, but has no effect between two statements.
    pub(super) fn run<T>(
        self: &Arc<Self>,
        connection: &Connection,
        query: impl FnOnce() -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let this = Arc::clone(self);
        let handler = move || this.is_cancelled();
        connection.progress_handler(INSTRUCTIONS_PER_CHECK, Some(handler))?;
        self.set_interrupt_handle(Some(connection.get_interrupt_handle()));
        let result = if self.is_cancelled() { Err(interrupted()) } else { query() };
        // After this point, an interrupt would stop the next query on this connection.
        self.set_interrupt_handle(None);
        connection.progress_handler(0, None::<fn() -> bool>)?;
        result
    }

    fn set_interrupt_handle(&self, handle: Option<InterruptHandle>) {
        *self.interrupt_handle.lock().unwrap_or_else(PoisonError::into_inner) = handle;
    }

    fn cancel(&self) {
        self.is_cancelled.store(true, Ordering::Relaxed);
        let handle = self.interrupt_handle.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(handle) = handle.as_ref() {
            handle.interrupt();
        }
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

fn interrupted() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_INTERRUPT), None)
}
