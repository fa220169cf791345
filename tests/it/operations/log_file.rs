//! The log file of the server binary: rotation, SIGHUP, errors and shutdown.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::{sleep, timeout};
use webchat_tests::{Browser, Process, ScriptedModel, TIMEOUT};

/// The directories of a server's data and log, and its model.
struct TestDirs {
    data: TempDir,
    logs: TempDir,
    model: ScriptedModel,
}

impl TestDirs {
    fn new() -> Self {
        let dir = || tempfile::tempdir().unwrap();
        Self { data: dir(), logs: dir(), model: ScriptedModel::start() }
    }

    fn path(&self) -> PathBuf {
        self.logs.path().join("webchat.log")
    }

    async fn start(&self, file: &Path, settings: &[(&str, &str)]) -> Process {
        let file = file.to_str().unwrap();
        let own = [("AZURE_API_URL", self.model.url()), ("LOG_FILE", file), ("LOG_LEVEL", "debug")];
        Process::start(self.data.path(), &[&own, settings].concat()).await
    }
}

/// Waits until the condition holds.
async fn wait_until(description: &str, mut condition: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !condition().await {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(TIMEOUT, wait).await.unwrap_or_else(|_| panic!("timed out waiting for {description}"));
}

async fn wait_for_text(path: &Path, text: &str) {
    let has_text = async || fs::read_to_string(path).is_ok_and(|log| log.contains(text));
    wait_until(&format!("{text} in {}", path.display()), has_text).await;
}

async fn wait_for_warnings(browser: &Browser, expected: &Value) {
    let has_warnings = async || {
        let readiness = browser.get("/readyz").await;
        assert_eq!(readiness.status, 200, "{readiness:?}");
        &readiness.json()["warnings"] == expected
    };
    wait_until(&format!("warnings {expected}"), has_warnings).await;
}

fn failing() -> Value {
    json!(["A log file can't be written or rotated: see the log on standard error."])
}

/// Makes the server log this number of lines, with rejected requests.
async fn log_lines(browser: &Browser, count: usize) {
    for _ in 0..count {
        assert_eq!(browser.get("/api/v1/conversations/none").await.status, 404);
    }
}

async fn assert_chat_works(browser: &Browser) {
    let id = browser.start_conversation().await;
    let answer = browser.connect().await.ask(&id, "hello").await;
    assert_eq!(answer, "You said: hello");
}

async fn send_sighup(server: &Process) {
    let id = server.id().to_string();
    assert!(Command::new("kill").args(["-HUP", &id]).status().await.unwrap().success());
}

/// Creates a named pipe. Opening it for writing blocks until another process opens it for reading.
async fn make_fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().await.unwrap().success());
}

fn count_lines_with(log: &str, text: &str) -> usize {
    log.lines().filter(|line| line.contains(text)).count()
}

#[tokio::test]
async fn the_log_file_equals_standard_error_in_both_formats_and_is_private() {
    for format in ["text", "json"] {
        let dirs = TestDirs::new();
        let mut server = dirs.start(&dirs.path(), &[("LOG_FORMAT", format)]).await;
        log_lines(&server.browser(), 3).await;

        server.terminate().await;
        assert!(server.wait_for_exit().await);

        let log = fs::read_to_string(dirs.path()).unwrap();
        assert_eq!(log, server.log());
        assert_eq!(count_lines_with(&log, "rejected a request"), 3, "{log}");
        assert!(log.contains("shutting down"), "{log}");
        if format == "json" {
            assert!(log.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{log}");
        }
        let mode = fs::metadata(dirs.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[tokio::test]
async fn a_full_log_file_is_rotated_without_losing_lines() {
    let dirs = TestDirs::new();
    let old = format!("{}\n", "old ".repeat(1024 * 1024 / 4 - 500));
    fs::write(dirs.path(), &old).unwrap();
    let mut server = dirs.start(&dirs.path(), &[("LOG_FILE_MAX_MB", "1")]).await;
    log_lines(&server.browser(), 50).await;

    server.terminate().await;
    assert!(server.wait_for_exit().await);

    let rotated = fs::read_to_string(dirs.path().with_extension("log.1")).unwrap();
    let current = fs::read_to_string(dirs.path()).unwrap();
    assert!(rotated.len() <= 1024 * 1024 && !current.is_empty(), "{}", rotated.len());
    let appended = rotated.strip_prefix(&old).unwrap();
    assert!(!appended.is_empty());
    assert_eq!(format!("{appended}{current}"), server.log());
}

#[tokio::test]
async fn sighup_reopens_the_log_file_without_losing_lines() {
    let dirs = TestDirs::new();
    let mut server = dirs.start(&dirs.path(), &[]).await;
    let browser = server.browser();
    let renamed = dirs.logs.path().join("renamed");
    log_lines(&browser, 10).await;

    wait_for_text(&dirs.path(), "rejected a request").await;
    fs::rename(dirs.path(), &renamed).unwrap();
    log_lines(&browser, 10).await;
    send_sighup(&server).await;
    wait_for_text(&dirs.path(), "reopening the log file").await;
    log_lines(&browser, 10).await;
    server.terminate().await;
    assert!(server.wait_for_exit().await);

    let old = fs::read_to_string(&renamed).unwrap();
    let new = fs::read_to_string(dirs.path()).unwrap();
    assert_eq!(format!("{old}{new}"), server.log());
    assert!(count_lines_with(&new, "rejected a request") >= 10, "{new}");
    assert_eq!(fs::metadata(dirs.path()).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn sighup_without_a_log_file_is_ignored() {
    let dirs = TestDirs::new();
    let settings = [("AZURE_API_URL", dirs.model.url())];
    let server = Process::start(dirs.data.path(), &settings).await;

    for _ in 0..3 {
        send_sighup(&server).await;
    }
    sleep(Duration::from_millis(200)).await;

    assert_chat_works(&server.browser()).await;
}

#[tokio::test]
async fn with_a_full_log_disk_users_can_chat_and_the_error_is_reported_once() {
    let dirs = TestDirs::new();
    let mut server = dirs.start(Path::new("/dev/full"), &[]).await;
    let browser = server.browser();
    log_lines(&browser, 20).await;

    wait_for_warnings(&browser, &failing()).await;
    assert_chat_works(&browser).await;
    sleep(Duration::from_secs(3)).await;
    server.terminate().await;
    assert!(server.wait_for_exit().await);

    let log = server.log();
    assert_eq!(count_lines_with(&log, "failed to write or rotate the log file"), 1, "{log}");
    assert!(log.contains("failed to write: No space left on device"), "{log}");
    assert!(log.contains("log lines could not be written to /dev/full"), "{log}");
}

#[tokio::test]
async fn all_pending_lines_are_written_completely_once_the_log_disk_has_space() {
    let dirs = TestDirs::new();
    // The log is larger than any other file, so that only the log reaches the limit.
    let old = format!("{}\n", "x".repeat(9 * 1024 * 1024));
    fs::write(dirs.path(), &old).unwrap();
    let mut server = dirs.start(&dirs.path(), &[("LOG_FILE_MAX_MB", "100")]).await;
    let browser = server.browser();
    log_lines(&browser, 1).await;
    wait_for_text(&dirs.path(), "rejected a request").await;
    let size = fs::metadata(dirs.path()).unwrap().len();

    // The first line that does not fit is written partially before the error.
    server.limit_file_size(&(size + 1_000).to_string()).await;
    log_lines(&browser, 50).await;
    wait_for_warnings(&browser, &failing()).await;
    assert_chat_works(&browser).await;
    server.limit_file_size("unlimited").await;
    wait_for_warnings(&browser, &json!(null)).await;
    wait_for_text(&dirs.path(), "the log file is writable again").await;
    server.terminate().await;
    assert!(server.wait_for_exit().await);

    let log = fs::read_to_string(dirs.path()).unwrap();
    assert_eq!(log.strip_prefix(&old), Some(server.log().as_str()));
    assert_eq!(count_lines_with(&log, "failed to write or rotate the log file"), 1);
}

#[tokio::test]
async fn a_removed_log_dir_is_reported_until_it_exists_again() {
    let dirs = TestDirs::new();
    let logs = dirs.logs.path().join("logs");
    fs::create_dir(&logs).unwrap();
    let server = dirs.start(&logs.join("webchat.log"), &[]).await;
    let browser = server.browser();
    log_lines(&browser, 1).await;
    wait_for_text(&logs.join("webchat.log"), "rejected a request").await;

    fs::remove_dir_all(&logs).unwrap();
    fs::write(&logs, "not a directory").unwrap();
    log_lines(&browser, 10).await;
    wait_for_warnings(&browser, &failing()).await;
    assert_chat_works(&browser).await;
    fs::remove_file(&logs).unwrap();
    fs::create_dir(&logs).unwrap();
    wait_for_warnings(&browser, &json!(null)).await;

    wait_for_text(&logs.join("webchat.log"), "the log file is writable again").await;
    let log = fs::read_to_string(logs.join("webchat.log")).unwrap();
    assert!(count_lines_with(&log, "rejected a request") >= 10, "{log}");
}

#[tokio::test]
async fn a_log_file_that_does_not_respond_delays_neither_chats_nor_the_shutdown() {
    let dirs = TestDirs::new();
    make_fifo(&dirs.path()).await;
    let mut server = dirs.start(&dirs.path(), &[]).await;
    let browser = server.browser();
    assert_chat_works(&browser).await;

    wait_for_warnings(&browser, &failing()).await;
    assert_chat_works(&browser).await;
    wait_until("the report", async || server.log().contains("the file system does not respond"))
        .await;
    let stopped_at = Instant::now();
    server.terminate().await;
    assert!(server.wait_for_exit().await);

    assert!(stopped_at.elapsed() < Duration::from_secs(10));
    assert_eq!(count_lines_with(&server.log(), "failed to write or rotate the log file"), 1);
}

#[tokio::test]
async fn logging_continues_when_the_log_file_responds_again() {
    let dirs = TestDirs::new();
    make_fifo(&dirs.path()).await;
    let mut server = dirs.start(&dirs.path(), &[]).await;
    let browser = server.browser();
    wait_for_warnings(&browser, &failing()).await;

    let path = dirs.path();
    let reader = thread::spawn(move || {
        let mut log = String::new();
        File::open(path).unwrap().read_to_string(&mut log).unwrap();
        log
    });
    wait_for_warnings(&browser, &json!(null)).await;
    server.terminate().await;
    assert!(server.wait_for_exit().await);

    assert_eq!(reader.join().unwrap(), server.log());
}

#[tokio::test]
async fn log_lines_before_a_failed_start_are_written_to_the_log_file() {
    let dirs = TestDirs::new();
    let path = dirs.path();
    make_fifo(&path).await;
    let not_a_dir = dirs.logs.path().join("data");
    fs::write(&not_a_dir, "").unwrap();
    let settings = [
        // Before it opens the data directory, Webchat warns that it sends the key without encryption.
        ("AZURE_API_URL", "http://model.example/v1/chat/completions"),
        ("API_KEY", "s3cr3t"),
        ("LOG_FILE", path.to_str().unwrap()),
        ("DATA_DIR", not_a_dir.to_str().unwrap()),
    ];

    // Read from the pipe only after the start has failed: until then, the log file can't be written.
    let mut reader = Command::new("sh");
    reader.args(["-c", "sleep 0.5; exec timeout 5 cat \"$0\""]).arg(&path);
    let (output, log) =
        tokio::join!(Process::run_until_exit(dirs.data.path(), &settings), reader.output());

    let log = String::from_utf8(log.unwrap().stdout).unwrap();
    assert!(!output.success && output.stderr.contains("webchat: "), "{output:?}");
    assert!(log.contains("is not encrypted") && !log.contains("s3cr3t"), "{log}");
    assert!(output.stderr.starts_with(&log), "{output:?}");
}
