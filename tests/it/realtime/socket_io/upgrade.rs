//! Upgrades from polling to a WebSocket.

use rstest::rstest;
use webchat_tests::TestServer;

use super::support::{connect_polling, handshake_status};

#[tokio::test]
async fn an_upgrade_during_an_answer_loses_no_event() {
    let server = TestServer::start().await;
    let browser = server.browser();
    browser.start_conversation().await;
    let polling = connect_polling(&browser).await;
    let answer = server.model.next_answer();
    polling.post("42[\"send_message\",{\"message\":\"count\"}]").await;
    answer.send("one ");
    let mut received = String::new();
    while !received.contains("one ") {
        received += &polling.poll().await.text;
    }

    let mut socket = polling.open_websocket().await.unwrap();
    socket.send_text("2probe").await;
    assert_eq!(socket.receive_text().await, "3probe");
    answer.send("two ");
    // The client completes its pending polls. A noop packet ends the last one.
    let mut last = polling.poll().await.text;
    while last != "6" {
        received += &last;
        last = polling.poll().await.text;
    }
    socket.send_text("5").await;
    answer.send("three");
    answer.finish();
    while !received.contains("token_usage") {
        received += &socket.receive_text().await;
    }

    let (one, two, three) = (received.find("one "), received.find("two "), received.find("three"));
    assert!(one < two && two < three && one.is_some(), "{received}");
    assert_eq!(
        polling.poll().await.status_and_engine_io_code(),
        (400, 3),
        "the session still accepts polls"
    );
    assert_eq!(polling.post("3").await.status_and_engine_io_code(), (400, 3));
    assert_eq!(
        handshake_status(polling.open_websocket().await),
        400,
        "the session accepted a second WebSocket"
    );
    socket.send_text("42[\"ping\",{}]").await;
    // Skip the event that the turn causes in the conversation list.
    while socket.receive_text().await != "42[\"pong\",{}]" {}
}

#[tokio::test]
async fn an_upgrade_ends_the_pending_poll() {
    let server = TestServer::start().await;
    let polling = connect_polling(&server.browser()).await;
    let mut socket = polling.open_websocket().await.unwrap();

    let upgrade = async {
        socket.send_text("2probe").await;
        assert_eq!(socket.receive_text().await, "3probe");
    };
    let (poll, ()) = tokio::join!(polling.poll(), upgrade);

    assert_eq!(poll.text, "6");
}

#[rstest]
#[case("4hello")]
#[case("2")]
#[case("5")]
#[tokio::test]
async fn a_websocket_without_a_probe_is_closed_and_polling_continues(#[case] packet: &str) {
    let server = TestServer::start().await;
    let mut polling = connect_polling(&server.browser()).await;
    let mut socket_without_probe = polling.open_websocket().await.unwrap();
    assert_eq!(
        handshake_status(polling.open_websocket().await),
        400,
        "a second WebSocket was accepted"
    );

    socket_without_probe.send_text(packet).await;
    assert_eq!(socket_without_probe.wait_until_closed().await.map(u16::from), Some(1002));
    polling.post("42[\"ping\",{}]").await;
    assert_eq!(polling.receive().await, "42[\"pong\",{}]");

    let mut second_socket = polling.open_websocket().await.unwrap();
    second_socket.send_text("2probe").await;
    assert_eq!(second_socket.receive_text().await, "3probe");
}
