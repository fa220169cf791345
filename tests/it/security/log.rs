//! What the log of the server binary says, and what it keeps to itself.

use std::path::Path;

use reqwest::Method;
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;
use webchat_tests::{Browser, Process, ScriptedModel, SocketIo, Transport, socket_io_path};

struct Server {
    process: Process,
    folder: TempDir,
    _model: ScriptedModel,
}

async fn start(settings: &[(&str, &str)]) -> Server {
    let model = ScriptedModel::start();
    let folder = tempfile::tempdir().unwrap();
    let settings = [&[("AZURE_API_URL", model.url())], settings].concat();
    let process = Process::start(folder.path(), &settings).await;
    Server { process, folder, _model: model }
}

/// Breaks the store: statements that use this table fail from now on.
fn rename_table(data_dir: &Path, table: &str) {
    let database = Connection::open(data_dir.join("webchat.db")).unwrap();
    database.execute_batch(&format!("ALTER TABLE {table} RENAME TO renamed_{table}")).unwrap();
}

/// Checks that exactly one line of the log has this error's id, and that it has the cause, which the error
/// itself does not have.
fn assert_cause_is_logged(process: &Process, error: &Value, request: &str) {
    let log = process.log();
    let request_id = error["request_id"].as_str().unwrap();
    let lines: Vec<_> = log.lines().filter(|line| line.contains(request_id)).collect();
    let [line] = lines[..] else { panic!("{request}: {lines:?}") };
    for part in ["ERROR", "no such table", "internal"] {
        assert!(line.contains(part), "{request}: {line}");
    }
    assert_eq!(error["code"], json!("internal"), "{request}");
    assert!(!error.to_string().contains("table"), "{request}: {error}");
}

/// The errors of all transports while the table of conversations is missing, with their requests.
async fn errors_of_all_transports(
    browser: &Browser,
    id: &str,
    data_dir: &Path,
) -> Vec<(String, Value)> {
    let mut socket = browser.connect().await;
    let mut polling = SocketIo::connect(browser, Transport::Polling).await;
    let mut websocket = SocketIo::connect(browser, Transport::WebSocket).await;
    rename_table(data_dir, "conversations");

    let mut errors = Vec::new();
    for path in ["/list_conversations", "/api/v1/conversations", "/save_history"] {
        let method = if path == "/save_history" { Method::POST } else { Method::GET };
        let response = browser.send(browser.request(method, path)).await;
        errors.push((path.to_owned(), response.json()));
    }
    let path = format!("/api/v1/conversations/{id}/events");
    let accept = browser.request(Method::GET, &path).header("accept", "text/event-stream");
    errors.push((path, browser.send(accept).await.json()));
    let message = json!({"conversation_id": id, "message": "lost"});
    socket.send("send_message", message.clone()).await;
    errors.push(("/ws".to_owned(), socket.expect("error").await));
    for client in [&mut polling, &mut websocket] {
        client.emit("send_message", message.clone(), None).await;
        errors.push(("/socket.io/".to_owned(), client.expect("error").await));
    }
    rename_table(data_dir, "sessions");
    let handshake = socket_io_path("polling", None);
    errors.push((handshake.clone(), browser.get(&handshake).await.json()));
    errors
}

#[tokio::test]
async fn the_cause_of_a_server_error_is_logged_once_under_its_request_id_on_each_transport() {
    for level in ["error", "debug"] {
        let server = start(&[("LOG_LEVEL", level)]).await;
        let browser = server.process.browser();
        let id = browser.start_conversation().await;

        let errors = errors_of_all_transports(&browser, &id, server.folder.path()).await;

        assert_eq!(errors.len(), 8);
        for (request, error) in errors {
            assert_cause_is_logged(&server.process, &error, &request);
        }
    }
}
