use std::collections::HashSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use tempfile::TempDir;
use tracing_subscriber::fmt;

use super::*;
use crate::LogFormat;

const TIMEOUT: Duration = Duration::from_mins(1);

fn log_file(path: &Path, max_bytes: u64, files_kept: u32, max_queued_bytes: usize) -> LogFile {
    let file = RotatingFile::new(path.to_owned(), max_bytes, files_kept);
    LogFile::spawn(file, Queue::new(max_queued_bytes), path).unwrap()
}

fn log(log_file: &mut LogFile, line: &str) {
    log_file.write_all(format!("{line}\n").as_bytes()).unwrap();
}

fn log_path() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("webchat.log");
    (dir, path)
}

/// Returns the lines of all files in the directory.
fn all_lines(dir: &Path) -> Vec<String> {
    let files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let contents: Vec<_> = files.map(|path| fs::read_to_string(path).unwrap()).collect();
    assert!(contents.iter().all(|content| content.ends_with('\n')));
    contents.iter().flat_map(|content| content.lines()).map(str::to_owned).collect()
}

fn wait_for_error(log_file: &LogFile) -> String {
    let started = Instant::now();
    while started.elapsed() < TIMEOUT {
        if let Some(error) = log_file.queue.status().error {
            return error;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("the log file reported no error in time");
}

#[test]
fn rotation_neither_loses_nor_splits_lines_of_concurrent_threads() {
    let (dir, path) = log_path();
    let log_file = log_file(&path, 20_000, 1_000, usize::MAX);
    let line = |writer: usize, number: usize| {
        format!("writer {writer} line {number} {}", "x".repeat(number % 200))
    };

    thread::scope(|scope| {
        for writer in 0..16 {
            let mut log_file = log_file.clone();
            scope.spawn(move || {
                for number in 0..1_000 {
                    log(&mut log_file, &line(writer, number));
                }
            });
        }
        let log_file = log_file.clone();
        scope.spawn(move || (0..100).for_each(|_| log_file.queue.reopen()));
    });
    assert_eq!(log_file.queue.flush(TIMEOUT), 0);

    let lines = all_lines(dir.path());
    assert_eq!(lines.len(), 16_000);
    let lines: HashSet<_> = lines.into_iter().collect();
    let mut expected =
        (0..16).flat_map(|writer| (0..1_000).map(move |number| line(writer, number)));
    assert!(expected.all(|line| lines.contains(&line)));
    assert!(fs::read_dir(dir.path()).unwrap().count() > 50);
}

#[test]
fn only_lines_beyond_the_queue_limit_are_dropped_while_the_file_cannot_be_opened() {
    let (dir, _) = log_path();
    let path = dir.path().join("logs/webchat.log");
    let mut log_file = log_file(&path, 1_000_000, 1, 1_000);

    for number in 0..500 {
        log(&mut log_file, &format!("line {number:3}"));
    }
    let error = wait_for_error(&log_file);
    fs::create_dir(path.parent().unwrap()).unwrap();
    assert_eq!(log_file.queue.flush(TIMEOUT), 0);

    assert!(error.starts_with("failed to open: "), "{error}");
    let written: Vec<_> = all_lines(path.parent().unwrap());
    let expected: Vec<_> = (0..111).map(|number| format!("line {number:3}")).collect();
    assert_eq!(written, expected);
    assert_eq!(log_file.queue.status(), queue::Status { error: None, dropped: 500 - 111 });
}

#[test]
fn dropped_lines_that_were_not_reported_are_reported_on_exit() {
    let (dir, _) = log_path();
    let path = dir.path().join("logs/webchat.log");
    let mut log_file = log_file(&path, 1_000_000, 1, 1_000);
    (0..500).for_each(|number| log(&mut log_file, &format!("line {number:3}")));
    wait_for_error(&log_file);

    let unwritten = log_file.finish(Duration::ZERO);
    fs::create_dir(path.parent().unwrap()).unwrap();
    let written = log_file.finish(TIMEOUT);
    log_file.report();
    let reported = log_file.finish(TIMEOUT);

    let file = path.display();
    let dropped = format!("389 log lines for {file} were dropped because its queue was full");
    let not_written = format!("111 log lines could not be written to {file} before the exit");
    assert_eq!(unwritten, [not_written, dropped.clone()]);
    assert_eq!(written, [dropped]);
    assert_eq!(reported, Vec::<String>::new());
}

#[test]
fn a_full_device_does_not_block_logging() {
    let mut log_file = log_file(Path::new("/dev/full"), 1_000, 1, 1_000);

    let started = Instant::now();
    for number in 0..100_000 {
        log(&mut log_file, &format!("line {number}"));
    }

    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(wait_for_error(&log_file).contains("No space left on device"));
}

#[test]
fn the_file_contains_no_color_codes() {
    let (_dir, path) = log_path();
    let log_file = log_file(&path, 1_000_000, 1, usize::MAX);
    let colored = fmt().with_ansi(true).without_time().with_writer(log_file.clone());

    tracing::subscriber::with_default(colored.finish(), || {
        tracing::info_span!("turn", id = 7)
            .in_scope(|| tracing::warn!(text = "\x1b[31m", "failed"));
    });
    assert_eq!(log_file.queue.flush(TIMEOUT), 0);

    let text = fs::read_to_string(path).unwrap();
    assert!(text.starts_with(" WARN turn{id=7}: "), "{text}");
    assert!(!text.contains('\x1b') && text.contains("31m"), "{text}");
}

#[test]
fn lines_before_a_panic_are_written() {
    let (_dir, path) = log_path();
    let settings = LogSettings {
        format: LogFormat::Text,
        level: "info".to_owned(),
        file: Some(path.clone()),
        file_max_mb: 1,
        files_kept: 1,
    };
    let mut log_file = LogFile::start(&settings).unwrap().unwrap();

    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _flush = FlushOnDrop;
        (0..10_000).for_each(|number| log(&mut log_file, &format!("line {number}")));
        panic!("the end");
    }));

    assert!(panicked.is_err());
    assert_eq!(fs::read_to_string(path).unwrap().lines().count(), 10_000);
    assert_eq!(warnings(), Vec::<&str>::new());
}
