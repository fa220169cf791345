//! Accepted and rejected handshakes.

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use webchat_tests::Transport::{self, Polling as OverPolling, WebSocket as OverWebSocket};
use webchat_tests::{Browser, Polling, Response, SocketIo, TestServer, socket_io_path};

use super::support::handshake_status;

async fn request(browser: &Browser, method: &str, query: &str) -> Response {
    let method: Method = method.parse().unwrap();
    browser.send(browser.request(method, &format!("/socket.io/?{query}"))).await
}

#[rstest]
#[case(OverPolling, json!(["websocket"]))]
#[case(OverWebSocket, json!([]))]
#[tokio::test]
async fn a_session_is_opened(#[case] transport: Transport, #[case] upgrades: Value) {
    let server = TestServer::start().await;

    let mut client = SocketIo::open(&server.browser(), transport).await;
    client.send("40{\"token\":\"123\"}").await;
    let connected = client.receive().await;

    assert_eq!(
        *client.handshake(),
        json!({
            "sid": client.sid(), "upgrades": upgrades,
            "pingInterval": 25_000, "pingTimeout": 20_000, "maxPayload": 1_000_000,
        })
    );
    let connected: Value = serde_json::from_str(connected.strip_prefix("40").unwrap()).unwrap();
    assert_eq!(connected.as_object().unwrap().len(), 1);
    assert_ne!(
        connected["sid"],
        *client.sid(),
        "the public socket id equals the secret session id"
    );
    let welcome = client.expect("response").await;
    assert_eq!(welcome["data"], "Connected to Webchat.");
}

/// Invalid requests, with the number and the message of the error.
const INVALID_REQUESTS: [(&str, &str, u64, &str); 15] = [
    ("GET", "EIO=4", 0, "Transport unknown"),
    ("GET", "EIO=4&transport=unknown", 0, "Transport unknown"),
    ("GET", "EIO=4&transport=polling&j=0", 0, "Transport unknown"),
    ("GET", "EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAA", 1, "Session ID unknown"),
    ("GET", "EIO=4&transport=polling&sid=..%2Fetc", 1, "Session ID unknown"),
    ("POST", "EIO=4&transport=polling&sid=", 1, "Session ID unknown"),
    ("POST", "EIO=4&transport=polling", 2, "Bad handshake method"),
    ("PUT", "EIO=4&transport=polling", 2, "Bad handshake method"),
    ("DELETE", "EIO=4&transport=polling&sid={sid}", 3, "Bad request"),
    ("GET", "EIO=4&transport=websocket", 3, "Bad request"),
    ("GET", "EIO=4&transport=websocket&sid={sid}", 3, "Bad request"),
    ("GET", "EIO=4&transport=polling&transport=polling", 3, "Bad request"),
    ("GET", "transport=polling", 5, "Unsupported protocol version"),
    ("GET", "EIO=3&transport=polling", 5, "Unsupported protocol version"),
    ("GET", "EIO=abc&transport=polling", 5, "Unsupported protocol version"),
];

#[tokio::test]
async fn an_invalid_request_is_rejected() {
    let server = TestServer::start().await;
    let browser = server.browser();
    browser.start_conversation().await;
    let (session, _) = Polling::open(&browser).await;

    for (method, query, code, message) in INVALID_REQUESTS {
        let rejected = request(&browser, method, &query.replace("{sid}", session.sid())).await;
        assert_eq!(rejected.status_and_engine_io_code(), (400, code), "{method} {query}");
        assert_eq!(rejected.json()["message"], message, "{method} {query}");
    }
    assert_eq!(session.post("40").await.text, "ok", "the session was closed");
}

#[tokio::test]
async fn a_client_that_also_offers_http_2_can_poll() {
    let server = TestServer::start().await;
    let browser = server.browser();

    // Java's HTTP client sends these headers with each request.
    let request = browser.request(Method::GET, &socket_io_path("polling", None));
    let request = request.header("connection", "Upgrade, HTTP2-Settings").header("upgrade", "h2c");
    let opened = browser.send(request.header("http2-settings", "AAEAAEAA")).await;

    assert_eq!(opened.status, 200, "{opened:?}");
}

#[tokio::test]
async fn an_invalid_websocket_handshake_is_rejected() {
    let server = TestServer::start().await;
    let browser = server.browser();

    for query in ["EIO=4", "transport=websocket", "EIO=4&transport=websocket&sid=x"] {
        let url = browser.base().join(&format!("/socket.io/?{query}")).unwrap();
        let rejected = webchat_tests::upgrade(&url, browser.headers()).await;
        assert_eq!(handshake_status(rejected.map(|(socket, _)| socket)), 400, "{query}");
    }
}
