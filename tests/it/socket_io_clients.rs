//! Socket.IO with the libraries that people use, against the real binary.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};
use tempfile::TempDir;
use webchat_tests::Library::{self, JavaScript, Python};
use webchat_tests::{Browser, Process, RealClient, ScriptedModel, SocketIo, Transport};

async fn start(data: &TempDir, model: &ScriptedModel, port: &str) -> Process {
    Process::start(data.path(), &[("AZURE_API_URL", model.url()), ("PORT", port)]).await
}

async fn session(process: &Process) -> (Browser, String) {
    let browser = process.browser();
    let id = browser.start_conversation().await;
    (browser, id)
}

/// The answer as the client was told it, which must have been all.
async fn ask(client: &mut RealClient, message: &str) -> String {
    client.emit("send_message", json!({"message": message})).await;
    let mut happened = client.until("token_usage").await;
    assert!(happened.last().unwrap()[1]["total_tokens_used"].is_u64(), "{happened:?}");
    let acknowledged = json!(["acknowledged", "send_message", []]);
    // A short answer may be quicker than the acknowledgement of its question.
    if !happened.contains(&acknowledged) {
        happened.extend(client.until("acknowledged").await);
        assert_eq!(happened.last(), Some(&acknowledged));
    }
    let mut chunks: Vec<_> = happened.iter().filter(|one| one[0] == "response_chunk").collect();
    // The Python library handles each in a thread of its own.
    chunks.sort_by_key(|one| one[1]["seq"].as_u64());
    chunks.iter().map(|one| one[1]["chunk"].as_str().unwrap()).collect()
}

fn text(happening: &Value) -> &str {
    happening[1]["data"].as_str().unwrap()
}

#[rstest]
#[tokio::test]
async fn a_client_asks_is_answered_and_comes_back_after_the_server_was_killed(
    #[values(JavaScript, Python)] library: Library,
    #[values("polling", "websocket", "polling,websocket")] transports: &str,
) {
    let model = ScriptedModel::start();
    let data = tempfile::tempdir().unwrap();
    let server = start(&data, &model, "0").await;
    let (browser, id) = session(&server).await;
    let port = browser.base().port().unwrap().to_string();
    let mut client = RealClient::start(library, transports, &browser);

    let greeted = client.until("response").await;
    assert!(text(greeted.last().unwrap()).starts_with("Connected"), "{greeted:?}");
    assert_eq!(ask(&mut client, "first").await, "You said: first");
    client.emit("send_message", json!({"message": ""})).await;
    let mut refused = client.until("acknowledged").await;
    // The Python library handles each packet in a thread of its own: either may come first.
    if refused.iter().all(|one| one[0] != "error") {
        refused.extend(client.until("error").await);
    }
    let error = refused.iter().find(|one| one[0] == "error").expect("an error");
    assert_eq!(error[1]["message"], "No message received from user.");

    server.kill().await;
    client.until("disconnect").await;
    let server = start(&data, &model, &port).await;
    client.until("response").await;

    assert_eq!(ask(&mut client, "second").await, "You said: second");
    let loaded = browser.at(&server).get(&format!("/load_conversation/{id}")).await;
    assert_eq!(loaded.json()["conversation"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn clients_leave_polling_for_the_websocket() {
    let model = ScriptedModel::start();
    let data = tempfile::tempdir().unwrap();
    let server = start(&data, &model, "0").await;
    let (browser, _) = session(&server).await;

    let mut client = RealClient::start(JavaScript, "polling,websocket", &browser);

    let happened = client.until("upgrade").await;
    assert_eq!(*happened.last().unwrap(), json!(["upgrade", "websocket"]));
    assert_eq!(ask(&mut client, "still there?").await, "You said: still there?");
}

#[tokio::test]
async fn clients_that_are_pinged_stay_and_one_that_never_connects_is_let_go() {
    let model = ScriptedModel::start();
    let data = tempfile::tempdir().unwrap();
    let server = start(&data, &model, "0").await;
    let (browser, _) = session(&server).await;
    let transports = ["polling", "websocket", "polling,websocket"];
    let mut clients = transports.map(|name| RealClient::start(JavaScript, name, &browser));
    let mut silent = SocketIo::open(&browser, Transport::WebSocket).await;

    assert_eq!(silent.ended().await, 1001);
    for client in &mut clients {
        let happened = client.until_within("ping", Duration::from_secs(30)).await;
        assert!(happened.iter().all(|one| one[0] != "disconnect"), "{happened:?}");
        assert_eq!(ask(client, "still there?").await, "You said: still there?");
    }
}
