//! The server binary: kills, shutdown and startup errors.

use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;
use webchat_tests::{Process, ScriptedModel, TestServer};

fn dir() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[tokio::test]
async fn messages_survive_kill_9_during_an_answer_and_the_conversation_can_be_continued() {
    let model = ScriptedModel::start();
    let settings =
        [("AZURE_API_URL", model.url()), ("SECRET_KEY", "0123456789abcdef0123456789abcdef")];
    let data = dir();
    let server = Process::start(data.path(), &settings).await;
    let browser = server.browser();
    let id = browser.start_conversation().await;
    let mut socket = browser.connect().await;
    socket.ask(&id, "first").await;
    let answer = model.next_answer();
    socket.send("send_message", json!({"conversation_id": id, "message": "second"})).await;
    answer.send(&"saved after four kilobytes ".repeat(200));
    // Wait until this text is saved: the answer is saved after every 4 kB.
    socket.receive_until("response_chunk").await;
    let path = format!("/api/v1/conversations/{id}");
    while browser.get(&path).await.json()["total_tokens"].as_u64().unwrap() < 500 {
        tokio::task::yield_now().await;
    }
    server.kill().await;

    let server = Process::start(data.path(), &settings).await;
    let browser = server.browser_with_cookies_of(&browser);

    let page = browser.get(&format!("{path}/messages")).await.json();
    let messages = page["messages"].as_array().unwrap();
    let statuses_and_positions: Vec<_> =
        messages.iter().map(|message| (&message["status"], &message["position"])).collect();
    assert_eq!(statuses_and_positions.len(), 4, "{page}");
    assert_eq!(page["running_turn"], json!(null));
    assert_eq!(statuses_and_positions[3], (&json!("interrupted"), &json!(4)));
    assert!(messages[3]["content"].as_str().unwrap().starts_with("saved after four kilobytes"));
    let mut socket = browser.connect().await;
    assert_eq!(socket.ask(&id, "third").await, "You said: third");
}

#[tokio::test]
async fn sigterm_completes_a_running_answer() {
    let model = ScriptedModel::start();
    let data = dir();
    let mut server = Process::start(data.path(), &[("AZURE_API_URL", model.url())]).await;
    let browser = server.browser();
    let id = browser.start_conversation().await;
    let mut socket = browser.connect().await;
    let answer = model.next_answer();
    socket.send("send_message", json!({"conversation_id": id, "message": "last words"})).await;
    answer.send("Good");
    socket.receive_until("response_chunk").await;

    server.terminate().await;
    answer.send("bye.");
    answer.finish();
    let end = socket.receive_until("response_end").await;

    assert_eq!(end.last().unwrap().1["finish_reason"], json!("stop"));
    assert_eq!(socket.wait_until_closed().await.map(u16::from), Some(1012));
    assert!(server.exits_successfully().await);
}

#[tokio::test]
async fn sigterm_stops_a_server_that_waits_for_its_database() {
    let silent_database = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("mongodb://{}/webchat", silent_database.local_addr().unwrap());
    let settings =
        [("AZURE_API_URL", "http://127.0.0.1:9/v1/chat/completions"), ("MONGODB_URI", &uri)];
    let data = dir();

    let output = Process::terminate_after(silent_database.accept(), data.path(), &settings).await;

    assert!(output.success && output.stdout.is_empty(), "{output:?}");
}

#[tokio::test]
async fn a_failed_start_is_explained() {
    let running = TestServer::start().await;
    let port = running.browser().base().port().unwrap().to_string();
    let upstream = ("AZURE_API_URL", "http://127.0.0.1:9/v1/chat/completions");
    let used_data_dir = running.dir.path().join("data");
    let parent = dir();
    let file = parent.path().join("a-file");
    std::fs::write(&file, "").unwrap();
    let file = file.to_str().unwrap();

    for (settings, advice) in [
        (vec![], "AZURE_API_URL (not set)"),
        (
            vec![upstream, ("PORT", "http")],
            "PORT in the environment (4 characters): expected an integer",
        ),
        (vec![upstream, ("PORT", port.as_str())], "set PORT to a free port"),
        (
            vec![upstream, ("DATA_DIR", used_data_dir.to_str().unwrap())],
            "in use by another Webchat",
        ),
        (vec![upstream, ("DATA_DIR", file)], "can't write to"),
    ] {
        let data = dir();
        let output = Process::run_until_exit(data.path(), &settings).await;
        let error = output.stderr;
        assert!(!output.success, "{settings:?}");
        assert!(error.starts_with("webchat: ") && error.contains(advice), "{settings:?}: {error}");
    }
}
