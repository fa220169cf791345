//! The log file, and the file of the audit log. A thread writes each of them, so that a full, slow or hanging disk does not block logging.

mod queue;
mod report;
mod rotating_file;

use std::convert::Infallible;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::signal::unix::Signal;
use tokio::time::interval;
use tracing_subscriber::fmt::MakeWriter;

use self::queue::{MAX_QUEUED_BYTES, Queue, Status, Work};
use self::report::Reporter;
use self::rotating_file::RotatingFile;
use crate::LogSettings;

const MEGABYTE: u64 = 1024 * 1024;

/// The maximum time that the process waits, on exit, for the queued lines to be written to the file. After it, the
/// process exits without writing the remaining lines, and prints their number to standard error.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// The interval at which the status of the file is checked and reported.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The log file of this process.
static LOG_FILE: OnceLock<LogFile> = OnceLock::new();

/// The file to which this process writes the entries of the audit log.
static AUDIT_FILE: OnceLock<LogFile> = OnceLock::new();

/// A writer that queues lines for the log file, without blocking.
#[derive(Clone)]
pub struct LogFile {
    queue: Arc<Queue>,
    path: Arc<Path>,
    reporter: Arc<Mutex<Reporter>>,
}

impl LogFile {
    /// Starts the thread that writes the log file. Returns `None` if no log file is configured. A file that can't be
    /// opened is not an error: opening it is retried, and [`watch`] and `GET /readyz` report it.
    ///
    /// # Errors
    /// If the system can't start a thread.
    pub fn start(settings: &LogSettings) -> io::Result<Option<Self>> {
        let Some(path) = &settings.file else { return Ok(None) };
        let max_bytes = settings.file_max_mb * MEGABYTE;
        let file = RotatingFile::new(path.clone(), max_bytes, settings.files_kept);
        let log_file = Self::spawn(file, Queue::new(MAX_QUEUED_BYTES), path)?;
        Ok(Some(LOG_FILE.get_or_init(|| log_file).clone()))
    }

    /// Starts the thread that writes the file of the audit log, which is never rotated.
    ///
    /// # Errors
    /// If the system can't start a thread.
    pub(super) fn start_audit(path: &Path) -> io::Result<Self> {
        let file = RotatingFile::new(path.to_owned(), u64::MAX, 0);
        let audit_file = Self::spawn(file, Queue::new(MAX_QUEUED_BYTES), path)?;
        Ok(AUDIT_FILE.get_or_init(|| audit_file).clone())
    }

    /// Returns the files of this process.
    fn all() -> impl Iterator<Item = &'static Self> {
        [&LOG_FILE, &AUDIT_FILE].into_iter().filter_map(OnceLock::get)
    }

    fn spawn(mut file: RotatingFile, queue: Queue, path: &Path) -> io::Result<Self> {
        let queue = Arc::new(queue);
        let receiver = Arc::clone(&queue);
        let thread = thread::Builder::new().name("log-file".to_owned());
        thread.spawn(move || write_lines(&receiver, &mut file))?;
        Ok(Self { queue, path: path.into(), reporter: Arc::default() })
    }

    /// Logs when writing starts to fail and when it recovers, and the number of dropped lines.
    fn report(&self) {
        let report = self.with_reporter(|reporter, status| reporter.next(status, Instant::now()));
        if let Some(report) = report {
            report.log(&self.path);
        }
    }

    /// Waits until all queued lines are written, for at most `timeout`. Returns messages about lines that are missing
    /// in the file and that were not reported before.
    fn finish(&self, timeout: Duration) -> Vec<String> {
        let unwritten = self.queue.flush(timeout);
        let dropped = self.with_reporter(|reporter, status| reporter.unreported(&status));
        let file = self.path.display();
        let mut missing = Vec::new();
        if unwritten > 0 {
            missing.push(format!(
                "{unwritten} log lines could not be written to {file} before the exit"
            ));
        }
        if dropped > 0 {
            missing.push(format!(
                "{dropped} log lines for {file} were dropped because its queue was full"
            ));
        }
        missing
    }

    fn with_reporter<T>(&self, use_reporter: impl FnOnce(&mut Reporter, Status) -> T) -> T {
        let mut reporter = self.reporter.lock().unwrap_or_else(PoisonError::into_inner);
        use_reporter(&mut reporter, self.queue.status())
    }
}

/// Writes the lines of the queue until the process ends.
fn write_lines(queue: &Queue, file: &mut RotatingFile) {
    loop {
        let Work { reopen, line } = queue.next();
        if reopen {
            file.reopen();
        }
        match file.write(&line) {
            Ok(()) => queue.done(line.len(), file.error()),
            Err(error) => queue.failed(line, error),
        }
    }
}

impl Write for LogFile {
    /// Queues one complete line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.queue.push(without_colors(line));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogFile {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Removes the escape sequences that color the log on a terminal. Everywhere else, the log has escaped this character.
fn without_colors(line: &[u8]) -> Vec<u8> {
    let mut parts = line.split(|byte| *byte == b'\x1b');
    let mut text = parts.next().unwrap_or_default().to_vec();
    for part in parts {
        let end = part.iter().position(|byte| *byte == b'm');
        text.extend(end.and_then(|end| part.get(end + 1..)).unwrap_or(part));
    }
    text
}

/// Reports failures of the log file, and reopens it after each SIGHUP. Without a log file, ignores SIGHUP.
pub async fn watch(mut hangup: Signal) -> Infallible {
    let mut ticks = interval(CHECK_INTERVAL);
    loop {
        let is_tick = tokio::select! {
            _ = ticks.tick() => true,
            _ = hangup.recv() => false,
        };
        for log_file in LogFile::all() {
            if is_tick {
                log_file.report();
            } else {
                log_file.queue.reopen();
                tracing::info!(file = %log_file.path.display(), "reopening the log file");
            }
        }
    }
}

/// Returns the warnings of `GET /readyz`.
pub(crate) fn warnings() -> Vec<&'static str> {
    if LogFile::all().all(|log_file| log_file.queue.status().error.is_none()) {
        return Vec::new();
    }
    vec!["A log file can't be written or rotated: see the log on standard error."]
}

/// When dropped, waits until all queued lines are written to the log file, for at most two seconds. Then prints to
/// standard error how many lines are missing in the file, except for those that were reported before.
pub struct FlushOnDrop;

impl Drop for FlushOnDrop {
    fn drop(&mut self) {
        for missing in LogFile::all().flat_map(|log_file| log_file.finish(FLUSH_TIMEOUT)) {
            // If standard error can't be written either, there is no other place to report it.
            let _ = writeln!(io::stderr(), "webchat: {missing}");
        }
    }
}

#[cfg(test)]
mod tests;
