//! The documented commands that back up and restore data.

use std::fs;
use std::path::Path;

use serde_json::json;
use tempfile::TempDir;
use tokio::process::Command;
use webchat_tests::{Browser, Process, ProcessOutput, ScriptedModel, mongodb_uri};

use super::{code_block, output};

const DOCUMENT: &str = "backup.md";

#[tokio::test]
async fn a_backup_of_a_running_server_is_restored() {
    let model = ScriptedModel::start();
    let settings = [("AZURE_API_URL", model.url())];
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    fs::create_dir(&data).unwrap();
    let mut server = Process::start(&data, &settings).await;
    let browser = server.browser();
    let id = browser.start_conversation().await;
    browser.connect().await.ask(&id, "Why tides?").await;
    let saved =
        browser.post("/save_history").await.json()["file_name"].as_str().unwrap().to_owned();

    run(dir.path(), "Back up SQLite").await;
    browser.connect().await.ask(&id, "Not in the backup").await;
    let key = fs::read(data.join("secret_key")).unwrap();
    server.terminate().await;
    server.wait_for_exit().await;
    fs::remove_dir_all(&data).unwrap();
    fs::create_dir(&data).unwrap();
    fs::write(data.join("webchat.db-wal"), "from the old database").unwrap();
    run(dir.path(), "Restore SQLite").await;

    let restored = Process::start(&data, &settings).await;
    let browser = restored.browser_with_cookies_of(&browser);
    assert_eq!(fs::read(data.join("secret_key")).unwrap(), key);
    assert_contains_tides(&browser, &id).await;
    let saved = browser.get(&format!("/saved_conversations/{saved}")).await;
    assert_eq!(saved.json()[0]["content"], json!("Why tides?"));
    assert_eq!(browser.connect().await.ask(&id, "Again").await, "You said: Again");
}

#[tokio::test]
async fn a_mongodb_database_is_backed_up_to_a_file_and_restored() {
    let model = ScriptedModel::start();
    let (first_uri, second_uri) = (mongodb_uri(), mongodb_uri());
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    fs::create_dir(&data).unwrap();
    let settings = |uri| [("AZURE_API_URL", model.url()), ("MONGODB_URI", uri)];
    let mut server = Process::start(&data, &settings(first_uri.as_str())).await;
    let browser = server.browser();
    let id = browser.start_conversation().await;
    browser.connect().await.ask(&id, "Why tides?").await;
    server.terminate().await;
    server.wait_for_exit().await;

    let backup = dir.path().join("backup");
    copy("Back up MongoDB", &first_uri, &backup).await;
    copy("Restore MongoDB", &second_uri, &backup).await;

    let restored = Process::start(&data, &settings(second_uri.as_str())).await;
    assert_contains_tides(&restored.browser_with_cookies_of(&browser), &id).await;
}

async fn run(dir: &Path, heading: &str) {
    let commands = code_block(DOCUMENT, heading);
    output(Command::new("bash").args(["-euc", &commands]).current_dir(dir)).await;
}

/// Runs the `webchat copy` command in the section `heading`.
async fn copy(heading: &str, uri: &str, backup: &Path) {
    let command = code_block(DOCUMENT, heading);
    let arguments: Vec<&str> = command
        .split_whitespace()
        // The program name.
        .skip(1)
        .map(|argument| match argument {
            "\"$MONGODB_URI\"" => uri,
            "backup" => backup.to_str().unwrap(),
            argument => argument,
        })
        .collect();
    let ProcessOutput { success, stderr, .. } = Process::run(&arguments).await;
    assert!(success, "{command}: {stderr}");
}

async fn assert_contains_tides(browser: &Browser, id: &str) {
    let loaded = browser.get(&format!("/load_conversation/{id}")).await.json();
    let expected = json!([
        {"role": "user", "content": "Why tides?"},
        {"role": "assistant", "content": "You said: Why tides?"},
    ]);
    assert_eq!(loaded["conversation"], expected);
    let search = browser.get("/search_conversations?q=tides").await.json();
    assert_eq!(search["conversations"][0]["conversation_id"], json!(id));
}
