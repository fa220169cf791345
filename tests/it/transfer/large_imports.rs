//! Imports that need as much memory or time as possible.

use std::fmt::Write;
use std::fs;
use std::time::{Duration, Instant};

use serde_json::json;
use webchat_tests::{Browser, Process};

use super::support::{counts, list};

const MEGABYTE: u64 = 1024 * 1024;

#[tokio::test]
async fn a_file_of_empty_nodes_is_rejected_and_uses_little_memory() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let browser = server.browser();
    let mut file = "[{\"id\":\"x\",\"mapping\":{\"root\":{}".to_owned();
    for number in 0..1_500_000 {
        write!(file, ",\"{number}\":{{}}").unwrap();
    }
    file.push_str("}}]");

    let import = browser.import(file).await;

    assert_eq!(counts(&import), ("failed", 0, 0, 0));
    assert_eq!(import["error"]["code"], json!("broken_import"));
    let message = import["error"]["message"].as_str().unwrap();
    assert!(message.contains("conversation 1: "), "{message}");
    assert!(message.contains("more than 100000 messages"), "{message}");
    let peak = peak_memory(&server);
    assert!(peak < 400 * MEGABYTE, "{} MB", peak / MEGABYTE);
}

#[tokio::test]
async fn other_users_can_write_while_a_long_conversation_is_imported_and_deleted() {
    const MESSAGES: usize = 30_000;
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let (browser, other) = (server.browser(), server.browser());
    let messages = vec!["{\"role\":\"user\",\"content\":\"a\"}"; MESSAGES];
    let file = format!("[{}]", messages.join(","));

    let (import, longest_during_import) =
        during_writes_of(&other, browser.import(file.clone())).await;
    let imported = list(&browser).await.remove(0);
    let path = format!("/api/v1/conversations/{}", imported["conversation_id"].as_str().unwrap());
    let (deleted, longest_during_deletion) = during_writes_of(&other, async {
        let started_at = Instant::now();
        assert_eq!(browser.delete(&path).await.status, 204);
        started_at.elapsed()
    })
    .await;

    // The import waits until the messages of the deleted conversation are deleted in the background.
    let ((), longest_after_deletion) = during_writes_of(&other, async {
        assert_eq!(counts(&browser.import(file).await), ("complete", 1, 0, 30_000));
    })
    .await;

    assert_eq!(counts(&import), ("complete", 1, 0, 30_000));
    let limit = Duration::from_secs(2);
    assert!(longest_during_import < limit, "{longest_during_import:?}");
    assert!(longest_during_deletion < limit, "{longest_during_deletion:?}");
    assert!(longest_after_deletion < limit, "{longest_after_deletion:?}");
    assert!(deleted < limit, "{deleted:?}");
    let disk: u64 =
        fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
    assert!(disk < 45 * MEGABYTE, "{} MB", disk / MEGABYTE);
}

async fn start(dir: &std::path::Path) -> Process {
    // The tests send no messages, so the model is not needed.
    let settings = [("AZURE_API_URL", "http://127.0.0.1:9/"), ("REQUESTS_PER_SECOND", "0")];
    Process::start(dir, &settings).await
}

/// The peak resident memory of the process, in bytes.
fn peak_memory(server: &Process) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    kilobytes * 1024
}

/// Lets the user start conversations until `work` ends. Returns its output and the longest duration of a start.
async fn during_writes_of<T>(browser: &Browser, work: impl Future<Output = T>) -> (T, Duration) {
    let mut longest = Duration::ZERO;
    tokio::pin!(work);
    loop {
        let started_at = Instant::now();
        let start = browser.start_conversation();
        tokio::pin!(start);
        tokio::select! {
            output = &mut work => {
                start.await;
                return (output, longest.max(started_at.elapsed()));
            }
            _ = &mut start => longest = longest.max(started_at.elapsed()),
        }
    }
}
