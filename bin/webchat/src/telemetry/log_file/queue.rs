//! The queue between the threads that log and the writer thread.

use std::collections::VecDeque;
use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The maximum size of the lines that wait to be written, in bytes. Further lines are dropped.
pub(super) const MAX_QUEUED_BYTES: usize = 4 * 1024 * 1024;

/// The time between two attempts to open, write or rotate the file.
pub(super) const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// If opening, rotating or writing the file takes longer than this, it is reported as an error.
const STALLED_AFTER: Duration = Duration::from_secs(5);

/// Lines that wait to be written, at most `max_bytes`. Only [`Queue::next`] and [`Queue::flush`] block.
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    max_bytes: usize,
}

#[derive(Default)]
struct State {
    lines: VecDeque<Vec<u8>>,
    /// The size of these lines and of the one that is being written.
    bytes: usize,
    dropped: u64,
    reopen: bool,
    /// The time of the next attempt after an error.
    retry_at: Option<Instant>,
    /// Whether all lines wait for the retry.
    is_blocked: bool,
    working_since: Option<Instant>,
    is_writing: bool,
    error: Option<String>,
}

/// The next work for the thread.
pub(super) struct Work {
    pub(super) reopen: bool,
    /// The line to write; empty if there is none.
    pub(super) line: Vec<u8>,
}

/// The status of the log file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Status {
    /// The last error, until the file is written successfully.
    pub(super) error: Option<String>,
    /// The number of lines that were dropped since the start.
    pub(super) dropped: u64,
}

impl Queue {
    pub(super) fn new(max_bytes: usize) -> Self {
        // The thread begins by opening the file.
        let state = State { reopen: true, ..State::default() };
        Self { state: Mutex::new(state), changed: Condvar::new(), max_bytes }
    }

    /// Appends a line, or drops it if the queue is full.
    pub(super) fn push(&self, line: Vec<u8>) {
        let mut state = self.lock();
        let bytes = state.bytes.saturating_add(line.len());
        if bytes > self.max_bytes {
            state.dropped += 1;
            return;
        }
        state.bytes = bytes;
        state.lines.push_back(line);
        self.changed.notify_all();
    }

    /// Tells the thread to reopen the file.
    pub(super) fn reopen(&self) {
        self.lock().reopen = true;
        self.changed.notify_all();
    }

    pub(super) fn status(&self) -> Status {
        let state = self.lock();
        let is_stalled = state.working_since.is_some_and(|since| since.elapsed() > STALLED_AFTER);
        let stalled = is_stalled.then(|| "the file system does not respond".to_owned());
        Status { error: stalled.or_else(|| state.error.clone()), dropped: state.dropped }
    }

    /// Waits until there is something to do. The thread then calls [`Queue::done`] or [`Queue::failed`].
    pub(super) fn next(&self) -> Work {
        let mut state = self.lock();
        loop {
            let wait = state.retry_at.map(|at| at.saturating_duration_since(Instant::now()));
            let is_due = wait.is_some_and(|wait| wait.is_zero());
            let has_line = !state.is_blocked && !state.lines.is_empty();
            if state.reopen || is_due || has_line {
                return state.start_work();
            }
            state = self.wait(state, wait);
        }
    }

    /// Records that a line of this length, in bytes, has been written. `error` is an error that did not prevent this,
    /// such as a failed rotation, which is retried after [`RETRY_INTERVAL`] even if no line is queued.
    pub(super) fn done(&self, line_len: usize, error: Option<String>) {
        let mut state = self.lock();
        state.bytes -= line_len;
        state.end_work(error);
        self.changed.notify_all();
    }

    /// Puts back a line that could not be written. It is retried before the other lines, after [`RETRY_INTERVAL`].
    pub(super) fn failed(&self, line: Vec<u8>, error: String) {
        let mut state = self.lock();
        if !line.is_empty() {
            state.lines.push_front(line);
        }
        state.end_work(Some(error));
        state.is_blocked = true;
    }

    /// Waits for at most `timeout` until all lines are written. Returns the number of unwritten lines.
    pub(super) fn flush(&self, timeout: Duration) -> usize {
        let deadline = Instant::now() + timeout;
        let mut state = self.lock();
        loop {
            let unwritten = state.lines.len() + usize::from(state.is_writing);
            let wait = deadline.saturating_duration_since(Instant::now());
            if unwritten == 0 || wait.is_zero() {
                return unwritten;
            }
            state = self.wait(state, Some(wait));
        }
    }

    fn wait<'a>(
        &self,
        state: MutexGuard<'a, State>,
        timeout: Option<Duration>,
    ) -> MutexGuard<'a, State> {
        let Some(timeout) = timeout else {
            return self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        self.changed.wait_timeout(state, timeout).unwrap_or_else(PoisonError::into_inner).0
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn start_work(&mut self) -> Work {
        self.retry_at = None;
        self.working_since = Some(Instant::now());
        let line = self.lines.pop_front();
        self.is_writing = line.is_some();
        Work { reopen: mem::take(&mut self.reopen), line: line.unwrap_or_default() }
    }

    fn end_work(&mut self, error: Option<String>) {
        self.working_since = None;
        self.is_writing = false;
        self.is_blocked = false;
        self.retry_at = error.as_ref().map(|_| Instant::now() + RETRY_INTERVAL);
        self.error = error;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(lines: &[&str]) -> Queue {
        let queue = Queue::new(10);
        queue.done(queue.next().line.len(), None);
        for line in lines {
            queue.push(line.as_bytes().to_vec());
        }
        queue
    }

    fn lines(queue: &Queue) -> Vec<String> {
        let lines = queue.lock().lines.clone();
        lines.into_iter().map(|line| String::from_utf8(line).unwrap()).collect()
    }

    #[test]
    fn lines_beyond_the_maximum_size_are_dropped_and_counted() {
        let queue = queue(&["12345", "67890", "a", "b"]);

        assert_eq!(lines(&queue), ["12345", "67890"]);
        assert_eq!(queue.status(), Status { error: None, dropped: 2 });
    }

    #[test]
    fn written_lines_make_room_for_new_ones() {
        let queue = queue(&["12345", "67890"]);

        let Work { line, .. } = queue.next();
        queue.push(b"early".to_vec());
        queue.done(line.len(), None);
        queue.push(b"later".to_vec());

        assert_eq!(lines(&queue), ["67890", "later"]);
        assert_eq!(queue.status().dropped, 1);
    }

    #[test]
    fn a_failed_rotation_is_retried_without_delaying_lines() {
        let queue = queue(&["12345"]);

        queue.done(queue.next().line.len(), Some("not renamed".to_owned()));
        let pushed_at = Instant::now();
        queue.push(b"67890".to_vec());
        let line = queue.next().line;
        let waited = pushed_at.elapsed();
        queue.done(line.len(), Some("not renamed".to_owned()));
        let empty = queue.next().line;

        assert_eq!((line.as_slice(), empty.as_slice()), (&b"67890"[..], &b""[..]));
        assert!(waited < RETRY_INTERVAL && pushed_at.elapsed() >= RETRY_INTERVAL, "{waited:?}");
    }

    #[test]
    fn a_failed_line_is_retried_before_the_others() {
        let queue = queue(&["12345", "67890"]);

        let failed_at = Instant::now();
        queue.failed(queue.next().line, "no space".to_owned());

        assert_eq!(queue.status().error.as_deref(), Some("no space"));
        assert_eq!(queue.next().line, b"12345");
        assert!(failed_at.elapsed() >= RETRY_INTERVAL);
    }

    #[test]
    fn a_request_to_reopen_does_not_wait_for_the_retry_interval() {
        let queue = queue(&["12345"]);
        queue.failed(queue.next().line, "no space".to_owned());

        let requested_at = Instant::now();
        queue.reopen();

        assert!(queue.next().reopen);
        assert!(requested_at.elapsed() < RETRY_INTERVAL);
    }

    #[test]
    fn a_flush_times_out_and_returns_the_number_of_unwritten_lines() {
        let queue = queue(&["12345", "67890"]);
        let _unfinished = queue.next();

        let started = Instant::now();
        assert_eq!(queue.flush(Duration::from_millis(50)), 2);

        assert!(started.elapsed() < Duration::from_secs(2));
    }

    #[test]
    fn a_file_system_that_does_not_respond_is_an_error() {
        let queue = queue(&["12345"]);
        let _unfinished = queue.next();
        assert_eq!(queue.status().error, None);

        queue.lock().working_since = Instant::now().checked_sub(STALLED_AFTER * 2);

        assert_eq!(queue.status().error.as_deref(), Some("the file system does not respond"));
    }
}
