//! What a live connection may take, and what becomes of one that takes more.

use std::time::Duration;

use serde_json::json;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Error;
use webchat_tests::Transport::{Polling, WebSocket};
use webchat_tests::{Browser, PATIENCE, Socket, SocketIo, TestServer, socket_io_path, upgrade};

#[tokio::test]
async fn who_says_more_than_ten_seconds_worth_at_once_is_told_to_wait_and_then_heard() {
    let server = TestServer::with(&[("WS_MESSAGES_PER_S", "2")]).await;
    let (_browser, mut socket) = server.socket().await;

    for _ in 0..20 {
        socket.say("ping", json!({})).await;
        socket.expect("pong").await;
    }
    socket.say("stop", json!({"client_message_id": "m1"})).await;
    let refused = socket.expect("error").await;
    let wait = refused["retry_after_ms"].as_u64().unwrap();
    sleep(Duration::from_millis(wait)).await;
    socket.say("ping", json!({})).await;

    assert_eq!(refused["code"], json!("rate_limited"));
    assert_eq!((&refused["event"], &refused["client_message_id"]), (&json!("stop"), &json!("m1")));
    assert!((1..=500).contains(&wait), "{wait}");
    socket.expect("pong").await;
}

#[tokio::test]
async fn who_goes_on_saying_too_much_is_closed() {
    let server = TestServer::with(&[("WS_MESSAGES_PER_S", "1")]).await;
    let (browser, mut socket) = server.socket().await;
    let mut io = SocketIo::connect(&browser, WebSocket).await;

    for _ in 0..30 {
        // What can't be read counts as well.
        socket.send_or_fail("{".into()).await;
        io.send_or_fail("42[\"ping\",{}]").await;
    }

    assert_eq!(socket.closed().await.map(u16::from), Some(1008));
    assert_eq!(io.ended().await, 1008);
}

fn status(refused: Result<Socket, Error>) -> u16 {
    match refused {
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
async fn a_user_has_so_many_connections_and_another_when_one_is_gone() {
    let server = TestServer::with(&[("WS_CONNECTIONS_PER_USER", "2")]).await;
    let (browser, first) = server.socket().await;
    let _second = SocketIo::connect(&browser, Polling).await;

    let refused = status(try_connect(&browser).await);
    let polling = browser.get(&socket_io_path("polling", None)).await;
    let other = server.browser().connect().await;
    drop(first);
    let again = async {
        while try_connect(&browser).await.is_err() {
            sleep(Duration::from_millis(10)).await;
        }
    };

    assert_eq!(refused, 429);
    assert_eq!(polling.refusal(), (429, "connection_limit".to_owned()));
    assert_eq!(polling.header("retry-after"), "5");
    drop(other);
    timeout(PATIENCE, again).await.expect("there is room again");
}

#[tokio::test]
async fn a_quiet_connection_that_answers_pings_stays() {
    let server = TestServer::with(&[("WS_IDLE_S", "1")]).await;
    let (_browser, mut quiet) = server.socket().await;

    let closed = timeout(Duration::from_millis(2_500), quiet.closed()).await;

    assert!(closed.is_err(), "it was closed: {closed:?}");
}
