//! The official Socket.IO client libraries against the server binary.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};
use tempfile::TempDir;
use webchat_tests::ClientLibrary::{self, JavaScript, Python};
use webchat_tests::{Browser, Process, RealClient, ScriptedModel, SocketIo, Transport};

async fn start(data: &TempDir, model: &ScriptedModel, port: &str) -> Process {
    Process::start(data.path(), &[("AZURE_API_URL", model.url()), ("PORT", port)]).await
}

/// Starts a conversation as a new user.
async fn start_conversation(process: &Process) -> (Browser, String) {
    let browser = process.browser();
    let id = browser.start_conversation().await;
    (browser, id)
}

/// Sends a message, and waits until it is acknowledged and answered. The Python library handles each event in a
/// separate thread, so that events arrive in any order.
async fn ask(client: &mut RealClient, message: &str) {
    client.emit("send_message", json!({"message": message})).await;
    let mut received = client.receive_until("acknowledged").await;
    assert_eq!(received.last(), Some(&json!(["acknowledged", "send_message", []])));
    while answer(&received) != format!("You said: {message}") {
        received.extend(client.receive_until("response_chunk").await);
    }
    if received.iter().all(|event| event[0] != "token_usage") {
        received.extend(client.receive_until("token_usage").await);
    }
    let usage = received.iter().find(|event| event[0] == "token_usage").unwrap();
    assert!(usage[1]["total_tokens_used"].is_u64(), "{usage}");
}

fn answer(received: &[Value]) -> String {
    let mut chunks: Vec<_> = received.iter().filter(|event| event[0] == "response_chunk").collect();
    chunks.sort_by_key(|event| event[1]["seq"].as_u64());
    chunks.iter().map(|event| event[1]["chunk"].as_str().unwrap()).collect()
}

fn text(event: &Value) -> &str {
    event[1]["data"].as_str().unwrap()
}

#[rstest]
#[tokio::test]
async fn a_client_receives_answers_and_reconnects_after_the_server_was_killed(
    #[values(JavaScript, Python)] library: ClientLibrary,
    #[values("polling", "websocket", "polling,websocket")] transports: &str,
) {
    let model = ScriptedModel::start();
    let data = tempfile::tempdir().unwrap();
    let server = start(&data, &model, "0").await;
    let (browser, id) = start_conversation(&server).await;
    let port = browser.base().port().unwrap().to_string();
    let mut client = RealClient::start(library, transports, &browser);

    let received = client.receive_until("response").await;
    assert!(text(received.last().unwrap()).starts_with("Connected"), "{received:?}");
    ask(&mut client, "first").await;
    client.emit("send_message", json!({"message": ""})).await;
    let mut responses = client.receive_until("acknowledged").await;
    // The Python library handles each packet in a separate thread, so that either may arrive first.
    if responses.iter().all(|event| event[0] != "error") {
        responses.extend(client.receive_until("error").await);
    }
    let error = responses.iter().find(|event| event[0] == "error").expect("no error event");
    assert_eq!(error[1]["message"], "No message received from user.");

    server.kill().await;
    client.receive_until("disconnect").await;
    let server = start(&data, &model, &port).await;
    client.receive_until("response").await;

    ask(&mut client, "second").await;
    let loaded =
        server.browser_with_cookies_of(&browser).get(&format!("/load_conversation/{id}")).await;
    assert_eq!(loaded.json()["conversation"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn clients_upgrade_from_polling_to_the_websocket() {
    let model = ScriptedModel::start();
    let data = tempfile::tempdir().unwrap();
    let server = start(&data, &model, "0").await;
    let (browser, _) = start_conversation(&server).await;

    let mut client = RealClient::start(JavaScript, "polling,websocket", &browser);

    let received = client.receive_until("upgrade").await;
    assert_eq!(*received.last().unwrap(), json!(["upgrade", "websocket"]));
    ask(&mut client, "still there?").await;
}

#[tokio::test]
async fn clients_that_respond_to_pings_stay_connected_and_one_that_joins_no_namespace_is_closed() {
    let model = ScriptedModel::start();
    let data = tempfile::tempdir().unwrap();
    let server = start(&data, &model, "0").await;
    let (browser, _) = start_conversation(&server).await;
    let transports = ["polling", "websocket", "polling,websocket"];
    let mut clients = transports.map(|name| RealClient::start(JavaScript, name, &browser));
    let mut unjoined = SocketIo::open(&browser, Transport::WebSocket).await;

    assert_eq!(unjoined.wait_until_closed().await, 1001);
    for client in &mut clients {
        let received = client.receive_until_within("ping", Duration::from_secs(30)).await;
        assert!(received.iter().all(|event| event[0] != "disconnect"), "{received:?}");
        ask(client, "still there?").await;
    }
}
