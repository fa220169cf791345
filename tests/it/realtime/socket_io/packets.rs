//! Malformed, premature, oversized and binary packets, and packets for another namespace.

use reqwest::Method;
use rstest::rstest;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use webchat_tests::Transport::{self, Polling as OverPolling, WebSocket as OverWebSocket};
use webchat_tests::{SocketIo, TestServer, socket_io_path};

use super::support::{connect_polling, protocol_error_code};

/// Packets that a connected client must not send.
const MALFORMED: [&str; 18] = [
    "abc",
    "2",
    "4",
    "4abc",
    "40",
    "44{\"message\":\"no\"}",
    "42",
    "42{}",
    "42[]",
    "42[7]",
    "42[\"ping\"",
    "42abc[\"ping\"]",
    "42/other,[\"ping\"]",
    "41/other,",
    "43[]",
    "45-[\"ping\"]",
    "4511-[\"ping\"]",
    "bAQIDBA==",
];

/// Packets that a client must not send before it is connected.
const PREMATURE: [&str; 5] = ["41", "42[\"ping\"]", "431[]", "40[]", "40abc"];

#[rstest]
#[tokio::test]
async fn a_malformed_packet_ends_the_session(
    #[values(OverPolling, OverWebSocket)] transport: Transport,
) {
    let server = TestServer::start().await;
    let browser = server.browser();

    for packet in MALFORMED {
        let mut client = SocketIo::connect(&browser, transport).await;
        client.send_ignoring_errors(packet).await;
        assert_eq!(client.wait_until_closed().await, protocol_error_code(transport), "{packet}");
    }
}

#[rstest]
#[tokio::test]
async fn a_packet_before_connecting_ends_the_session(
    #[values(OverPolling, OverWebSocket)] transport: Transport,
) {
    let server = TestServer::start().await;
    let browser = server.browser();

    for packet in PREMATURE {
        let mut client = SocketIo::open(&browser, transport).await;
        client.send_ignoring_errors(packet).await;
        assert_eq!(client.wait_until_closed().await, protocol_error_code(transport), "{packet}");
    }
}

#[rstest]
#[tokio::test]
async fn another_namespace_is_rejected_and_the_default_one_is_still_accepted(
    #[values(OverPolling, OverWebSocket)] transport: Transport,
) {
    let server = TestServer::start().await;
    let mut client = SocketIo::open(&server.browser(), transport).await;

    client.send("40/admin,{\"token\":\"123\"}").await;
    assert_eq!(client.receive().await, "44/admin,{\"message\":\"Invalid namespace\"}");
    client.send("40").await;

    assert!(client.receive().await.starts_with("40{"));
}

#[rstest]
#[tokio::test]
async fn a_client_may_reconnect_to_the_namespace(
    #[values(OverPolling, OverWebSocket)] transport: Transport,
) {
    let server = TestServer::start().await;
    let mut client = SocketIo::connect(&server.browser(), transport).await;

    client.send("41").await;
    client.send("40").await;

    assert!(client.receive().await.starts_with("40{"));
    client.expect("response").await;
    client.emit("ping", json!({}), None).await;
    client.expect("pong").await;
}

#[tokio::test]
async fn an_oversized_payload_ends_the_session() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let polling = connect_polling(&browser).await;
    let mut websocket = SocketIo::connect(&browser, OverWebSocket).await;
    let fits = format!("42[\"ping\",\"{}\"]", "x".repeat(999_987));
    let too_large = format!("{fits} ");

    assert_eq!(polling.post(&fits).await.text, "ok");
    assert_eq!(polling.poll().await.text, "42[\"pong\",{}]");
    let rejected = polling.post(&too_large).await;
    websocket.send(&fits).await;
    websocket.expect("pong").await;
    websocket.send_ignoring_errors(&too_large).await;

    assert_eq!(rejected.status_and_code(), (413, "payload_too_large".to_owned()));
    assert_eq!(polling.poll().await.status_and_engine_io_code(), (400, 1));
    assert_eq!(websocket.wait_until_closed().await, 1009);
}

#[tokio::test]
async fn binary_data_is_rejected_and_the_session_stays_open() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let header = "451-3[\"send_message\",{\"_placeholder\":true,\"num\":0}]";
    let polling = connect_polling(&browser).await;
    let url = browser.base().join(&socket_io_path("websocket", None)).unwrap();
    let (mut websocket, _) = webchat_tests::upgrade(&url, browser.headers()).await.unwrap();
    websocket.send_text("40").await;
    for _ in 0..3 {
        websocket.receive_text().await;
    }

    assert_eq!(polling.post(&format!("{header}\x1ebAQIDBA==")).await.text, "ok");
    websocket.send_text(header).await;
    websocket.send_frame(Message::binary(vec![1, 2, 3, 4])).await;

    let mut polled = polling.clone();
    for packets in [
        [polled.receive().await, polled.receive().await],
        [websocket.receive_text().await, websocket.receive_text().await],
    ] {
        let [error, acknowledgement] = packets;
        assert!(error.starts_with("42[\"error\","), "{error}");
        assert!(acknowledgement.starts_with("433[{"), "{acknowledgement}");
        assert!(acknowledgement.contains("\"code\":\"invalid_request\""), "{acknowledgement}");
    }
    assert_eq!(polling.post("42[\"ping\",{}]").await.text, "ok");
    assert_eq!(polled.receive().await, "42[\"pong\",{}]");
    websocket.send_text("42[\"ping\",{}]").await;
    assert_eq!(websocket.receive_text().await, "42[\"pong\",{}]");
}

#[rstest]
#[tokio::test]
async fn half_an_emoji_becomes_a_replacement_character(
    #[values(OverPolling, OverWebSocket)] transport: Transport,
) {
    let server = TestServer::start().await;
    let browser = server.browser();
    browser.start_conversation().await;
    let mut client = SocketIo::open(&browser, transport).await;

    client.send(r#"40{"token":"\ud83d"}"#).await;
    assert!(client.receive().await.starts_with("40{"));
    client.expect("response").await;
    client.send(r#"421["pi\ud83d",{"\ude00":1}]"#).await;
    let error = client.expect("error").await;
    let acknowledgement = client.receive().await;
    client.send(r#"42["send_message",{"message":"nice \ud83d"}]"#).await;
    let accepted = client.expect("message_accepted").await;

    assert_eq!(error["event"], "pi\u{fffd}");
    assert!(acknowledgement.starts_with("431[{"), "{acknowledgement}");
    assert_eq!(accepted["content"], "nice \u{fffd}");
}

#[tokio::test]
async fn a_posted_payload_that_is_not_utf8_is_repaired() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let polling = connect_polling(&browser).await;
    let path = socket_io_path("polling", Some(polling.sid()));
    let payload = b"423[\"\xed\xa0\xbd\"]".as_slice();

    let request = browser.request(Method::POST, &path).header("content-type", "text/plain");
    assert_eq!(browser.send(request.body(payload)).await.text, "ok");

    assert!(polling.clone().receive().await.contains("unknown_event"));
}
