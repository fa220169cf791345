//! Turns and errors over Socket.IO.

use rstest::rstest;
use serde_json::{Value, json};
use webchat_tests::Transport::{self, Polling as OverPolling, WebSocket as OverWebSocket};
use webchat_tests::{Browser, Polling, SocketIo, TestServer, answer_text};

use super::support::connect_polling;

#[rstest]
#[tokio::test]
async fn a_turn_has_the_same_events_as_on_the_websocket(
    #[values(OverPolling, OverWebSocket)] transport: Transport,
) {
    let server = TestServer::start().await;
    let browser = server.browser();
    let id = browser.start_conversation().await;
    let mut websocket = browser.connect().await;
    websocket.send("subscribe", json!({"conversation_id": id})).await;
    websocket.expect("subscribed").await;
    let mut client = SocketIo::connect(&browser, transport).await;

    client.emit("send_message", json!({"message": "Why two tides a day?"}), Some(7)).await;
    let (events, mut others) = client.receive_until("token_usage").await;
    if others.is_empty() {
        // A short turn may end before its message is acknowledged.
        others.push(client.receive().await);
    }

    assert_eq!(answer_text(&events), "You said: Why two tides a day?");
    assert_eq!(others, ["437[]"], "the acknowledgement is not empty");
    let without_chunks = |events: &[(String, Value)]| -> Vec<(String, Value)> {
        events.iter().filter(|(name, _)| name != "response_chunk").cloned().collect()
    };
    assert_eq!(
        without_chunks(&events),
        without_chunks(&websocket.receive_until("token_usage").await)
    );
}

#[rstest]
#[case("send_message", json!({"message": " "}), "empty_message")]
#[case("send_message", json!("hello"), "invalid_request")]
#[case("send_message", json!({"message": "x", "conversation_id": "{strangers}"}), "conversation_not_found")]
#[case("subscribe", json!({"conversation_id": "{strangers}"}), "conversation_not_found")]
#[case("stop", json!({"conversation_id": "{strangers}"}), "conversation_not_found")]
#[case("unknown", json!({}), "unknown_event")]
#[tokio::test]
async fn an_invalid_event_causes_an_error_event_and_an_acknowledgement_with_the_error(
    #[case] event: &str,
    #[case] data: Value,
    #[case] code: &str,
) {
    let server = TestServer::start().await;
    let browser = server.browser();
    browser.start_conversation().await;
    let strangers = server.browser().start_conversation().await;
    let data = data.to_string().replace("{strangers}", &strangers);
    let mut client = SocketIo::connect(&browser, OverWebSocket).await;

    client.emit(event, serde_json::from_str(&data).unwrap(), Some(0)).await;
    let (error, acknowledgement) = (client.receive().await, client.receive().await);

    let event_arguments: Value = serde_json::from_str(error.strip_prefix("42").unwrap()).unwrap();
    let acknowledged: Value =
        serde_json::from_str(acknowledgement.strip_prefix("430").unwrap()).unwrap();
    assert_eq!(event_arguments[0], "error");
    let problem = &event_arguments[1];
    assert_eq!((&problem["code"], &problem["event"]), (&json!(code), &json!(event)));
    assert_eq!(acknowledged, json!([problem]));
    client.emit("ping", json!({}), None).await;
    client.expect("pong").await;
}

/// Allows answers as long as that of [`client_with_unread_answer`].
const LONG_ANSWERS: (&str, &str) = ("REPLY_TOKENS", "20000");

/// Creates an answer that a polling client does not receive, because it has stopped polling. Returns the client and
/// the answer's text.
async fn client_with_unread_answer(server: &TestServer, browser: &Browser) -> (Polling, String) {
    let id = browser.start_conversation().await;
    let mut websocket = browser.connect().await;
    let mut polling = connect_polling(browser).await;
    let answer = server.model.next_answer();
    polling.post(&format!("42{}", json!(["subscribe", {"conversation_id": id}]))).await;
    assert!(polling.receive().await.starts_with("42[\"subscribed\""));

    websocket.send("send_message", json!({"conversation_id": id, "message": "flood"})).await;
    let text: Vec<_> = (0..200).map(|number| format!("{number} {}", "tide ".repeat(80))).collect();
    for chunk in &text {
        answer.send(chunk);
        // Wait for each chunk: chunks that arrive together would be merged in any case.
        websocket.receive_until("response_chunk").await;
    }
    answer.finish();
    websocket.receive_until("token_usage").await;
    (polling, text.concat())
}

/// Receives the turn's remaining events. Returns the answer's text and the number of packets.
async fn receive_rest_of_turn(polling: &mut Polling) -> (String, usize) {
    let (mut received, mut packets) = (String::new(), 0);
    loop {
        let packet = polling.receive().await;
        packets += 1;
        let arguments: Value = serde_json::from_str(packet.strip_prefix("42").unwrap()).unwrap();
        received += arguments[1]["chunk"].as_str().unwrap_or_default();
        if arguments[0] == "token_usage" {
            return (received, packets);
        }
    }
}

#[tokio::test]
async fn a_client_that_stops_polling_does_not_delay_the_turn_and_later_receives_it_completely() {
    let server = TestServer::with_settings(&[LONG_ANSWERS]).await;
    let (mut polling, text) = client_with_unread_answer(&server, &server.browser()).await;

    let (received, packets) = receive_rest_of_turn(&mut polling).await;

    assert_eq!(received, text);
    assert!(packets < 200, "pending chunks were not merged: {packets} packets");
}

#[tokio::test]
async fn shutdown_delivers_pending_events_and_closes_sessions() {
    let server = TestServer::with_settings(&[LONG_ANSWERS]).await;
    let browser = server.browser();
    let (mut polling, text) = client_with_unread_answer(&server, &browser).await;
    let mut websocket = SocketIo::connect(&browser, OverWebSocket).await;

    let receive_pending = async {
        let code = websocket.wait_until_closed().await;
        let (received, _) = receive_rest_of_turn(&mut polling).await;
        (code, received, polling.receive().await)
    };
    let ((), (code, received, last)) = tokio::join!(server.shutdown(), receive_pending);

    assert_eq!(code, 1012);
    assert_eq!(received, text);
    assert_eq!(last, "1");
}
