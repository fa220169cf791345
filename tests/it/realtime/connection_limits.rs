//! The limits on live connections.

use std::time::Duration;

use serde_json::json;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Error;
use webchat_tests::Transport::{Polling, WebSocket};
use webchat_tests::{Browser, Socket, SocketIo, TIMEOUT, TestServer, socket_io_path, upgrade};

#[tokio::test]
async fn a_client_over_its_burst_limit_is_rate_limited_and_recovers() {
    let server = TestServer::with_settings(&[("WS_MESSAGES_PER_S", "2")]).await;
    let (_browser, mut socket) = server.socket().await;

    for _ in 0..20 {
        socket.send("ping", json!({})).await;
        socket.expect("pong").await;
    }
    socket.send("stop", json!({"client_message_id": "m1"})).await;
    let rejected = socket.expect("error").await;
    let wait = rejected["retry_after_ms"].as_u64().unwrap();
    sleep(Duration::from_millis(wait)).await;
    socket.send("ping", json!({})).await;

    assert_eq!(rejected["code"], json!("rate_limited"));
    assert_eq!(
        (&rejected["event"], &rejected["client_message_id"]),
        (&json!("stop"), &json!("m1"))
    );
    assert!((1..=500).contains(&wait), "{wait}");
    socket.expect("pong").await;
}

#[tokio::test]
async fn a_client_that_ignores_the_rate_limit_is_disconnected() {
    let server = TestServer::with_settings(&[("WS_MESSAGES_PER_S", "1")]).await;
    let (browser, mut socket) = server.socket().await;
    let mut socket_io = SocketIo::connect(&browser, WebSocket).await;

    for _ in 0..30 {
        // Invalid frames count too.
        socket.send_ignoring_errors("{".into()).await;
        socket_io.send_ignoring_errors("42[\"ping\",{}]").await;
    }

    assert_eq!(socket.wait_until_closed().await.map(u16::from), Some(1008));
    assert_eq!(socket_io.wait_until_closed().await, 1008);
}

fn handshake_status(result: Result<Socket, Error>) -> u16 {
    match result {
        Ok(_) => 101,
        Err(Error::Http(response)) => response.status().as_u16(),
        Err(other) => panic!("{other}"),
    }
}

async fn try_connect(browser: &Browser) -> Result<Socket, Error> {
    let url = browser.base().join("/ws").unwrap();
    upgrade(&url, browser.headers()).await.map(|(socket, _)| socket)
}

#[tokio::test]
async fn a_user_at_the_connection_limit_may_connect_after_a_disconnect() {
    let server = TestServer::with_settings(&[("WS_CONNECTIONS_PER_USER", "2")]).await;
    let (browser, first) = server.socket().await;
    let _second = SocketIo::connect(&browser, Polling).await;

    let rejected = handshake_status(try_connect(&browser).await);
    let polling = browser.get(&socket_io_path("polling", None)).await;
    let other = server.browser().connect().await;
    drop(first);
    let reconnect = async {
        while try_connect(&browser).await.is_err() {
            sleep(Duration::from_millis(10)).await;
        }
    };

    assert_eq!(rejected, 429);
    assert_eq!(polling.status_and_code(), (429, "connection_limit".to_owned()));
    assert_eq!(polling.header("retry-after"), "5");
    drop(other);
    timeout(TIMEOUT, reconnect).await.expect("the permit was not released");
}

#[tokio::test]
async fn an_idle_connection_that_responds_to_pings_stays_open() {
    let server = TestServer::with_settings(&[("WS_IDLE_S", "1")]).await;
    let (_browser, mut idle) = server.socket().await;

    let closed = timeout(Duration::from_millis(2_500), idle.wait_until_closed()).await;

    assert!(closed.is_err(), "the connection was closed: {closed:?}");
}
