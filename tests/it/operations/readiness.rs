//! Readiness, and the operations that still work with a full disk.

use std::fs;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use tokio::time::{sleep, timeout};
use webchat_tests::{Browser, Process, ScriptedModel, TIMEOUT};

/// Waits until `/readyz` has this status. The server may return results that are up to a second old.
async fn wait_for_readiness(browser: &Browser, status: u16) {
    let wait = async {
        while browser.get("/readyz").await.status != status {
            sleep(Duration::from_millis(200)).await;
        }
    };
    timeout(TIMEOUT, wait)
        .await
        .unwrap_or_else(|_| panic!("timed out waiting for status {status} of /readyz"));
}

#[tokio::test]
async fn a_server_whose_database_file_is_deleted_is_not_ready() {
    let model = ScriptedModel::start();
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(dir.path(), &[("AZURE_API_URL", model.url())]).await;
    let browser = server.browser();
    assert_eq!(browser.get("/readyz").await.status, 200);

    fs::remove_file(dir.path().join("webchat.db")).unwrap();

    wait_for_readiness(&browser, 503).await;
    let readiness = browser.get("/readyz").await;
    assert_eq!(readiness.status_and_code(), (503, "not_ready".to_owned()));
    assert_eq!(readiness.json()["message"], json!("SQLite is unavailable."));
}

/// A server with a conversation, which was stored before its disk was full.
struct ServerWithConversation {
    server: Process,
    browser: Browser,
    id: String,
    dir: TempDir,
    _model: ScriptedModel,
}

impl ServerWithConversation {
    async fn start() -> Self {
        let model = ScriptedModel::start();
        let dir = tempfile::tempdir().unwrap();
        let server = Process::start(dir.path(), &[("AZURE_API_URL", model.url())]).await;
        let browser = server.browser();
        let id = browser.start_conversation().await;
        browser.connect().await.ask(&id, "before the disk is full").await;
        Self { server, browser, id, dir, _model: model }
    }
}

#[tokio::test]
async fn with_a_full_disk_users_can_read_export_and_connect() {
    let ServerWithConversation { server, browser, id, dir: _dir, _model } =
        ServerWithConversation::start().await;

    server.limit_file_size("1").await;
    wait_for_readiness(&browser, 503).await;
    let path = format!("/api/v1/conversations/{id}");
    let messages = browser.get(&format!("{path}/messages")).await;
    let search = browser.get("/api/v1/search?q=disk").await;
    let export = browser.get(&format!("{path}/export?format=json")).await;
    let socket = browser.try_connect().await;
    server.limit_file_size("unlimited").await;
    wait_for_readiness(&browser, 200).await;

    assert_eq!(messages.json()["messages"][0]["content"], json!("before the disk is full"));
    assert_eq!(search.json()["hits"].as_array().unwrap().len(), 2, "{search:?}");
    assert!(export.text.contains("before the disk is full"), "{export:?}");
    assert!(socket.is_some());
}

#[tokio::test]
async fn with_a_full_disk_users_can_delete_a_conversation() {
    let ServerWithConversation { server, browser, id, dir, _model } =
        ServerWithConversation::start().await;
    // SQLite writes a deletion to its write-ahead log first, which still has room.
    let size = fs::metadata(dir.path().join("webchat.db-wal")).unwrap().len();

    server.limit_file_size(&(size + 256 * 1024).to_string()).await;
    let deleted = browser.delete(&format!("/api/v1/conversations/{id}")).await;

    assert_eq!(deleted.status, 204);
}

#[tokio::test]
async fn the_health_command_reports_whether_the_server_is_ready() {
    let model = ScriptedModel::start();
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(dir.path(), &[("AZURE_API_URL", model.url())]).await;
    let browser = server.browser();
    let port = browser.base().port().unwrap().to_string();
    let settings = [("AZURE_API_URL", model.url()), ("HOST", "0.0.0.0"), ("PORT", port.as_str())];

    let ready = Process::run_with(&["health"], &settings).await;
    fs::remove_file(dir.path().join("webchat.db")).unwrap();
    wait_for_readiness(&browser, 503).await;
    let not_ready = Process::run_with(&["health"], &settings).await;
    server.kill().await;
    let unreachable = Process::run_with(&["health"], &settings).await;

    assert!(ready.success, "{ready:?}");
    assert!(!not_ready.success && not_ready.stderr.contains("not ready"), "{not_ready:?}");
    assert!(!unreachable.success && unreachable.stderr.contains("no response"), "{unreachable:?}");
}
