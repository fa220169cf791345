//! The WebSocket: invalid events, the current conversation, subscriptions and size limits.

use rstest::rstest;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Error, Message};
use webchat_tests::TestServer;

const UNKNOWN_CONVERSATION: &str = "0190a000-0000-7000-8000-000000000000";

#[rstest]
#[case("{", "invalid_request")]
#[case("[]", "invalid_request")]
#[case("{}", "invalid_request")]
#[case(r#"{"event": 7}"#, "invalid_request")]
#[case(r#"{"event": "unknown"}"#, "unknown_event")]
#[case(r#"{"event": "send_message"}"#, "invalid_request")]
#[case(r#"{"event": "send_message", "data": {}}"#, "no_conversation")]
#[case(r#"{"event": "send_message", "data": {"message": 7}}"#, "invalid_request")]
#[case(r#"{"event": "send_message", "data": {"message": "\ud800"}}"#, "no_conversation")]
#[case(r#"{"event": "ping\ud83d", "\ude00": 1}"#, "unknown_event")]
#[case(
    r#"{"event": "send_message", "data": {"message": "x", "conversation_id": {"$gt": ""}}}"#,
    "invalid_request"
)]
#[case(
    r#"{"event": "send_message", "data": {"message": "x", "client_message_id": ""}}"#,
    "invalid_request"
)]
#[case(r#"{"event": "subscribe", "data": {}}"#, "invalid_request")]
#[case(r#"{"event": "subscribe", "data": {"conversation_id": "x"}}"#, "invalid_request")]
#[case(
    r#"{"event": "subscribe", "data": {"conversation_id": "01a2284d-bca4-7797-a378-bf84030540bf", "after": null}}"#,
    "conversation_not_found"
)]
#[tokio::test]
async fn an_invalid_event_causes_an_error_and_the_connection_stays_open(
    #[case] frame: &str,
    #[case] code: &str,
) {
    let server = TestServer::start().await;
    let (_browser, mut socket) = server.socket().await;

    socket.send_text(frame).await;
    let error = socket.expect("error").await;
    socket.send("ping", json!({})).await;

    assert_eq!(error["code"], json!(code), "{error}");
    assert!(error["request_id"].is_string());
    socket.expect("pong").await;
}

#[tokio::test]
async fn an_error_contains_its_event_conversation_and_client_message_id() {
    let server = TestServer::start().await;
    let (_browser, mut socket) = server.socket().await;
    let data =
        json!({"message": "x", "conversation_id": UNKNOWN_CONVERSATION, "client_message_id": "m1"});

    socket.send("send_message", data).await;
    let error = socket.expect("error").await;

    assert_eq!(error["message"], json!("Conversation not found."));
    assert_eq!(error["event"], json!("send_message"));
    assert_eq!(error["conversation_id"], json!(UNKNOWN_CONVERSATION));
    assert_eq!(error["client_message_id"], json!("m1"));
}

#[tokio::test]
async fn empty_and_overlong_messages_are_rejected_and_not_stored() {
    let server =
        TestServer::with_settings(&[("MAX_TOKENS", "1000"), ("REPLY_TOKENS", "800")]).await;
    let (browser, mut socket) = server.socket().await;
    let id = browser.start_conversation().await;

    let mut codes = Vec::new();
    for message in ["", " \n\t ", &"tide ".repeat(300)] {
        socket.send("send_message", json!({"message": message})).await;
        let error = socket.expect("error").await;
        codes.push((error["code"].as_str().unwrap().to_owned(), error["message"].clone()));
    }

    assert_eq!(codes[0], ("empty_message".to_owned(), json!("No message received from user.")));
    assert_eq!(codes[1].0, "empty_message");
    assert_eq!(codes[2].0, "message_too_long");
    assert!(
        codes[2].1.as_str().unwrap().contains("193"),
        "the message does not contain the limit: {}",
        codes[2].1
    );
    let loaded = browser.get(&format!("/load_conversation/{id}")).await.json();
    assert_eq!(loaded, json!({"conversation": []}));
}

#[tokio::test]
async fn the_welcome_event_names_the_current_conversation() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let id = browser.start_conversation().await;

    let mut socket = browser.connect_without_welcome().await;

    let welcome = socket.expect("response").await;
    let data = "Connected to Webchat.";
    assert_eq!(welcome, json!({"data": data, "session": {"conversation_id": id}}));
}

#[tokio::test]
async fn a_conversation_started_in_another_tab_becomes_the_current_one() {
    let server = TestServer::start().await;
    let browser = server.browser();
    browser.start_conversation().await;
    let mut socket = browser.connect().await;

    let newer = browser.start_conversation().await;
    socket.send("send_message", json!({"message": "hello"})).await;

    assert_eq!(socket.expect("message_accepted").await["conversation_id"], json!(newer));
}

#[tokio::test]
async fn two_connections_receive_the_same_events() {
    let server = TestServer::start().await;
    let (browser, mut first) = server.socket().await;
    let id = browser.start_conversation().await;
    let mut second = browser.connect().await;
    second.send("subscribe", json!({"conversation_id": id})).await;
    second.expect("subscribed").await;

    first.send("send_message", json!({"conversation_id": id, "message": "hello"})).await;

    assert_eq!(
        merge_chunks(&first.receive_until("token_usage").await),
        merge_chunks(&second.receive_until("token_usage").await)
    );
}

#[tokio::test]
async fn an_unsubscribed_client_receives_no_more_events() {
    let server = TestServer::start().await;
    let (browser, mut socket) = server.socket().await;
    let id = browser.start_conversation().await;
    socket.send("subscribe", json!({"conversation_id": id})).await;
    socket.expect("subscribed").await;

    socket.send("unsubscribe", json!({"conversation_id": id})).await;
    socket.send("ping", json!({})).await;
    socket.expect("pong").await;
    let path = format!("/api/v1/conversations/{id}");
    browser.patch(&path, &json!({"title": "not received"})).await;
    socket.send("ping", json!({})).await;

    socket.expect("pong").await;
}

#[tokio::test]
async fn binary_frames_are_texts_and_invalid_and_oversized_messages_close_the_connection() {
    let server = TestServer::start().await;
    let (browser, mut binary) = server.socket().await;
    let mut huge = browser.connect().await;

    binary.send_frame(Message::binary("\u{feff}{\"event\": \"ping\"}".as_bytes())).await;
    binary.expect("pong").await;
    binary.send_frame(Message::binary(b"\xed\xa0\xbd".as_slice())).await;
    huge.send_ignoring_errors(Message::text("x".repeat(2 * 1024 * 1024))).await;

    assert_eq!(binary.wait_until_closed().await.map(u16::from), Some(1007));
    assert_eq!(huge.wait_until_closed().await.map(u16::from), Some(1009));
}

/// Merges adjacent chunks, because the server may split them differently for each connection.
fn merge_chunks(events: &[(String, Value)]) -> Vec<(String, String)> {
    let mut merged: Vec<(String, String)> = Vec::new();
    for (name, data) in events {
        let text = data["chunk"].as_str().map_or_else(|| data.to_string(), ToOwned::to_owned);
        match merged.last_mut() {
            Some((last, last_text)) if last == name && name == "response_chunk" => {
                *last_text += &text;
            }
            _ => merged.push((name.clone(), text)),
        }
    }
    merged
}

#[tokio::test]
async fn an_integer_in_an_event_may_be_written_as_a_number_without_a_fraction() {
    let server = TestServer::start().await;
    let (browser, mut socket) = server.socket().await;
    let id = browser.start_conversation().await;

    for after in ["0.0", "0e0", "-0.0", "null"] {
        let data = format!(r#"{{"conversation_id": "{id}", "after": {after}}}"#);
        socket.send_text(&format!(r#"{{"event": "subscribe", "data": {data}}}"#)).await;
        socket.expect("subscribed").await;
    }
    let data =
        format!(r#"{{"conversation_id": "{id}", "message": "a", "expected_position": 1.0}}"#);
    socket.send_text(&format!(r#"{{"event": "send_message", "data": {data}}}"#)).await;
    assert_eq!(socket.expect("error").await["code"], json!("stale"));
    for after in ["3.5", "-1.0", "1e300"] {
        let data = format!(r#"{{"conversation_id": "{id}", "after": {after}}}"#);
        socket.send_text(&format!(r#"{{"event": "subscribe", "data": {data}}}"#)).await;
        let error = socket.expect("error").await;
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("expected an integer, 0 or more"), "{message}");
    }
}

#[tokio::test]
async fn an_invalid_event_is_refused_in_the_words_of_json() {
    let server = TestServer::start().await;
    let (_, mut socket) = server.socket().await;

    for (event, expected) in [
        (
            r#"{"event": "send_message", "message": "a"}"#,
            "`data` is missing. It must be an object.",
        ),
        (r#"{"event": "send_message", "data": ["a"]}"#, "invalid type: array, expected an object"),
        (
            r#"{"event": "send_message", "data": {"message": 1}}"#,
            "`message`: invalid type: integer",
        ),
        (
            r#"{"event": "stop", "data": {"conversation_id": ""}}"#,
            "`conversation_id`: expected a UUID",
        ),
        (r#"{"event": "stop", "data": {}}"#, "missing field `conversation_id`"),
        (r#""ping""#, "invalid type: string, expected an object"),
        (r#"{"event": "#, "it ends too early"),
    ] {
        socket.send_text(event).await;
        let error = socket.expect("error").await;
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(expected), "{event}: {message}");
    }
}

#[tokio::test]
async fn a_handshake_that_offers_several_protocols_is_refused_and_does_not_break_later() {
    let server = TestServer::start().await;
    let browser = server.browser();
    browser.get("/").await;
    for path in ["/ws", "/socket.io/?EIO=4&transport=websocket"] {
        let url = browser.url(path);
        for (name, value, status) in [
            ("upgrade", "websocket, h2c", 426),
            ("upgrade", "h2c, websocket", 426),
            ("upgrade", "WebSocket", 101),
            ("connection", "keep-alive, Upgrade", 101),
            ("connection", "upgrade,keep-alive", 101),
        ] {
            let mut headers = browser.headers();
            headers.insert(name, value.parse().unwrap());
            let result = webchat_tests::upgrade(&url, headers).await;

            let shown = format!("{path} {name}: {value}");
            match result {
                Ok((mut socket, _)) => {
                    assert_eq!(status, 101, "{shown}");
                    assert!(
                        socket.receive_text().await.contains("sid") || path == "/ws",
                        "{shown}"
                    );
                }
                Err(Error::Http(response)) => {
                    assert_eq!(response.status(), status, "{shown}");
                    assert_eq!(response.headers()["upgrade"], "websocket", "{shown}");
                }
                Err(error) => panic!("{shown}: {error}"),
            }
        }
    }
}
