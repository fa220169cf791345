//! The log of the server binary: errors and security events, without texts of users.

use std::fs;
use std::path::Path;

use reqwest::Method;
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use webchat_domain::{Clock, SystemClock};
use webchat_tests::{Browser, Process, ScriptedModel, SocketIo, Transport, socket_io_path};

struct Server {
    process: Process,
    dir: TempDir,
    model: ScriptedModel,
}

async fn start(settings: &[(&str, &str)]) -> Server {
    let model = ScriptedModel::start();
    let dir = tempfile::tempdir().unwrap();
    let settings = [&[("AZURE_API_URL", model.url())], settings].concat();
    let process = Process::start(dir.path(), &settings).await;
    Server { process, dir, model }
}

/// Renames a table, so that statements that use it fail from now on.
fn rename_table(data_dir: &Path, table: &str) {
    let database = Connection::open(data_dir.join("webchat.db")).unwrap();
    database.execute_batch(&format!("ALTER TABLE {table} RENAME TO renamed_{table}")).unwrap();
}

/// Asserts that exactly one log line contains this error's request id, and that the line contains the cause but
/// the error does not.
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

/// Returns the errors of all transports while the table `conversations` is missing, with the paths of their requests.
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
async fn on_each_transport_the_cause_of_a_server_error_is_logged_once_with_its_request_id() {
    for level in ["error", "debug"] {
        let server = start(&[("LOG_LEVEL", level)]).await;
        let browser = server.process.browser();
        let id = browser.start_conversation().await;

        let errors = errors_of_all_transports(&browser, &id, server.dir.path()).await;

        assert_eq!(errors.len(), 8);
        for (request, error) in errors {
            assert_cause_is_logged(&server.process, &error, &request);
        }
    }
}

/// A text of a user, which must not be in the log.
const CANARY: &str = "CANARYbird";

/// Sends the canary wherever texts of users may be: in searches, bodies, frames and event names.
async fn send_canary(browser: &Browser, id: &str) {
    for path in ["/api/v1/search", "/search_conversations", "/nothing", "/api/v1/conversations"] {
        browser.get(&format!("{path}?q={CANARY}&limit={CANARY}")).await;
    }
    let messages = format!("/api/v1/conversations/{id}/messages");
    let malformed = json!({"message": [CANARY], "expected_position": CANARY});
    for body in [json!({"message": CANARY}), malformed.clone(), json!([CANARY]), json!(CANARY)] {
        browser.send(browser.request(Method::POST, &messages).json(&body)).await;
    }
    let mut socket = browser.connect().await;
    let event = format!("{CANARY}{}", "x".repeat(10_000));
    for frame in [
        json!({"event": "send_message", "data": malformed}).to_string(),
        json!({"event": event, "data": {"conversation_id": CANARY}}).to_string(),
        json!({"event": [CANARY]}).to_string(),
        CANARY.to_owned(),
    ] {
        socket.send_text(&frame).await;
        let error = socket.expect("error").await;
        assert!(error.to_string().len() < 1_000, "{error}");
        assert!(!error["message"].as_str().unwrap().contains("CANARYbird\""), "{error}");
    }
    let mut client = SocketIo::connect(browser, Transport::Polling).await;
    client.emit("send_message", malformed, None).await;
    client.expect("error").await;
    client.emit(&event, json!(CANARY), None).await;
    client.expect("error").await;
}

#[tokio::test]
async fn the_log_contains_no_user_texts_at_any_level() {
    let server = start(&[("LOG_LEVEL", "trace")]).await;
    let browser = server.process.browser();
    let id = browser.start_conversation().await;

    send_canary(&browser, &id).await;
    let search =
        server.process.browser().request(Method::GET, &format!("/api/v1/search?q={CANARY}"));
    browser.send(search.header("cookie", "webchat_session=tampered")).await;
    rename_table(server.dir.path(), "conversations");
    let failed = browser.get(&format!("/list_conversations?q={CANARY}")).await;

    assert_eq!(failed.status, 500);
    let log = server.process.log();
    assert!(log.contains("rejected a request"), "{log}");
    let leaked: Vec<_> = log.lines().filter(|line| line.contains(CANARY)).collect();
    assert!(leaked.is_empty(), "{leaked:#?}");
}

#[tokio::test]
async fn only_trusted_proxies_determine_the_client_address_in_the_log() {
    for (trusted, client) in [("", "client=127.0.0.1"), ("127.0.0.0/8", "client=203.0.113.9")] {
        let server = start(&[("TRUSTED_PROXIES", trusted)]).await;
        let browser = server.process.browser();
        browser.start_conversation().await;
        rename_table(server.dir.path(), "conversations");

        let request = browser.request(Method::GET, "/list_conversations");
        browser.send(request.header("x-forwarded-for", "6.6.6.6, 203.0.113.9")).await;

        let log = server.process.log();
        let line = log.lines().find(|line| line.contains("no such table")).unwrap();
        assert!(line.contains(client) && !line.contains("6.6.6.6"), "{line}");
    }
}

#[tokio::test]
async fn malformed_requests_are_not_logged() {
    let server = start(&[]).await;
    let address = server.process.browser().base().socket_addrs(|| None).unwrap()[0];

    for _ in 0..20 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET / HTTP/9.9\r\n\xff: \x00\r\n\r\n").await.unwrap();
        let mut response = Vec::new();
        stream.read_to_end(&mut response).await.unwrap();
        assert!(response.starts_with(b"HTTP/1.1 400"), "{response:?}");
    }

    assert!(!server.process.log().contains("parse error"), "{}", server.process.log());
}

#[tokio::test]
async fn security_events_are_logged_once_a_minute_and_counted() {
    let server = start(&[("METRICS", "on"), ("REQUESTS_PER_SECOND", "1")]).await;
    let browser = server.process.browser();
    let send_with_header = |method: Method, name: &'static str, value: &'static str| {
        let request = server.process.browser().request(method, "/api/v1/conversations");
        let browser = &browser;
        async move { browser.send(request.header(name, value)).await.status.as_u16() }
    };
    let limited = server.process.browser();
    limited.start_conversation().await;

    for _ in 0..30 {
        assert_eq!(send_with_header(Method::GET, "host", "evil.example").await, 421);
        assert_eq!(send_with_header(Method::POST, "origin", "https://evil.example").await, 403);
        assert_eq!(send_with_header(Method::GET, "cookie", "webchat_session=forged").await, 200);
        limited.get("/api/v1/conversations").await;
    }

    let log = server.process.log();
    let metrics = server.process.browser().get("/metrics").await.text;
    for kind in ["host_refused", "origin_refused", "cookie_refused", "rate_limited"] {
        let lines =
            log.lines().filter(|line| line.contains("security event") && line.contains(kind));
        let lines: Vec<_> = lines.collect();
        let [line] = lines[..] else { panic!("{kind}: {lines:#?}") };
        assert!(line.contains("WARN") && line.contains("client=\"127.0.0.1\""), "{line}");
        let counted = format!("webchat_security_events_total{{kind=\"{kind}\"}} ");
        let count = metrics.lines().find_map(|line| line.strip_prefix(&counted));
        assert_ne!(count.unwrap(), "0", "{metrics}");
    }
}

#[tokio::test]
async fn errors_of_an_unavailable_store_are_logged_once_a_minute_and_counted() {
    let server = start(&[("METRICS", "on")]).await;
    let browser = server.process.browser();
    fs::remove_file(server.dir.path().join("webchat.db")).unwrap();

    for _ in 0..30 {
        assert_eq!(browser.get("/readyz").await.status, 503);
    }

    let log = server.process.log();
    let lines: Vec<_> = log.lines().filter(|line| line.contains("not_ready")).collect();
    let [line] = lines[..] else { panic!("{lines:#?}") };
    assert!(line.contains("WARN"), "{line}");
    let metrics = browser.get("/metrics").await.text;
    assert!(metrics.contains("webchat_server_errors_total{code=\"not_ready\"} 30"), "{metrics}");
}

#[tokio::test]
async fn failed_turns_of_one_code_are_logged_once_a_minute() {
    let server = start(&[("METRICS", "on"), ("AZURE_API_URL", "http://127.0.0.1:9/")]).await;
    let browser = server.process.browser();
    let id = browser.start_conversation().await;
    let path = format!("/api/v1/conversations/{id}/messages");

    for _ in 0..5 {
        let ask = browser.request(Method::POST, &path).json(&json!({"message": "Why tides?"}));
        let turn = browser.send(ask).await.json();
        assert_eq!(turn["error"]["code"], json!("model_unreachable"), "{turn}");
    }

    let log = server.process.log();
    let lines: Vec<_> = log.lines().filter(|line| line.contains("turn failed")).collect();
    let [line] = lines[..] else { panic!("{lines:#?}") };
    for part in ["WARN", "turn_id", "model_unreachable", "cause"] {
        assert!(line.contains(part), "{line}");
    }
    let metrics = browser.get("/metrics").await.text;
    assert!(metrics.contains("webchat_turns_total{finish_reason=\"failed\"} 5"), "{metrics}");
}

#[tokio::test]
async fn every_internal_error_is_logged_with_its_cause() {
    let server = start(&[]).await;
    let browser = server.process.browser();
    browser.start_conversation().await;
    rename_table(server.dir.path(), "conversations");

    for _ in 0..3 {
        let error = browser.get("/list_conversations").await.json();
        assert_cause_is_logged(&server.process, &error, "/list_conversations");
    }
}

#[tokio::test]
async fn a_line_break_in_a_value_begins_no_line_of_the_log() {
    const FORGED: &str = "2026-01-01T00:00:00.000000Z  WARN forged";
    let server = start(&[("LOG_LEVEL", "debug")]).await;
    let browser = server.process.browser();
    let error = json!({"error": {"message": format!("broken\n{FORGED}"), "code": "x\ny"}});
    let answer = server.model.next_answer();
    answer.send_raw(&format!("data: {error}\n\n"));
    answer.finish();

    let id = browser.start_conversation().await;
    let path = format!("/api/v1/conversations/{id}/messages");
    let ask = browser.request(Method::POST, &path).json(&json!({"message": "Why tides?"}));
    let turn = browser.send(ask).await.json();
    browser.get("/unknown%0D%0A2026-01-01T00:00:00.000000Z%20%20WARN%20forged").await;

    assert_eq!(turn["answer"]["status"], "failed", "{turn}");
    let log = server.process.log();
    assert!(log.contains("forged"), "the values are not in the log: {log}");
    assert!(!log.lines().any(|line| line.starts_with("2026-01-01")), "{log}");
}

#[tokio::test]
async fn times_are_in_utc_in_any_time_zone() {
    /// Returns the hour: the tests may take some minutes.
    fn hour() -> String {
        json!(SystemClock.now()).as_str().unwrap().chars().take(13).collect()
    }
    let before = hour();
    let server = start(&[("TZ", "Asia/Tokyo"), ("LOG_LEVEL", "debug")]).await;

    server.process.browser().get("/api/v1/unknown").await;

    let log = server.process.log();
    let time = log.lines().next().unwrap().split(' ').next().unwrap();
    assert!(time.ends_with('Z'), "{time}");
    assert!([before, hour()].iter().any(|hour| time.starts_with(hour)), "{time}");
}
