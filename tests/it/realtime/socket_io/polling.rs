//! Long polling, and access to an Engine.IO session from other browsers and origins.

use reqwest::Method;
use reqwest::header::{HeaderName, ORIGIN};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use webchat_tests::Transport::WebSocket as OverWebSocket;
use webchat_tests::{Polling, SocketIo, TestServer, socket_io_path};

use super::support::{connect_polling, handshake_status};

#[tokio::test]
async fn a_poll_returns_several_packets_up_to_the_clients_limit() {
    let server = TestServer::start().await;
    let polling = connect_polling(&server.browser()).await;

    let posted = polling.post(&["42[\"ping\",{}]"; 40].join("\x1e")).await;
    let mut sizes = Vec::new();
    while sizes.iter().sum::<usize>() < 40 {
        let response = polling.poll().await;
        let packets: Vec<_> = response.text.split('\x1e').collect();
        assert!(packets.iter().all(|packet| *packet == "42[\"pong\",{}]"), "{packets:?}");
        sizes.push(packets.len());
    }

    assert_eq!(posted.text, "ok");
    assert_eq!(posted.header("content-type"), "text/plain; charset=utf-8");
    assert!(sizes.iter().all(|size| *size <= 16), "{sizes:?}");
    assert!(sizes.iter().any(|size| *size > 1), "{sizes:?}");
}

#[tokio::test]
async fn concurrent_polls_end_the_engine_io_session() {
    let server = TestServer::start().await;
    let polling = connect_polling(&server.browser()).await;

    let (first, second) = tokio::join!(polling.poll(), polling.poll());

    let (ended, rejected) = if first.status == 200 { (first, second) } else { (second, first) };
    assert_eq!((ended.status.as_u16(), ended.text.as_str()), (200, "1"));
    assert_eq!(rejected.status_and_engine_io_code(), (400, 3));
    assert_eq!(polling.poll().await.status_and_engine_io_code(), (400, 1));
}

#[tokio::test]
async fn concurrent_posts_end_the_engine_io_session() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let polling = connect_polling(&browser).await;
    let mut stream =
        TcpStream::connect(browser.base().socket_addrs(|| None).unwrap()[0]).await.unwrap();
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: localhost\r\nCookie: {}\r\nContent-Length: 2\r\n\r\n3",
        socket_io_path("polling", Some(polling.sid())),
        browser.cookie(),
    );
    stream.write_all(head.as_bytes()).await.unwrap();

    // Some of these posts may arrive before the incomplete one.
    let rejected = loop {
        let response = polling.post("3").await;
        if response.status != 200 {
            break response;
        }
    };

    assert_eq!(rejected.status_and_engine_io_code(), (400, 3));
    assert_eq!(polling.poll().await.status_and_engine_io_code(), (400, 1));
}

#[tokio::test]
async fn a_close_packet_ends_the_engine_io_session() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let polling = connect_polling(&browser).await;
    let mut websocket = SocketIo::connect(&browser, OverWebSocket).await;

    let (poll, close) = tokio::join!(polling.poll(), polling.post("1"));
    websocket.send("1").await;

    // If the close arrives first, the poll finds no Engine.IO session.
    assert!(poll.text == "6" || poll.status_and_engine_io_code() == (400, 1), "{poll:?}");
    assert_eq!(close.text, "ok");
    assert_eq!(polling.poll().await.status_and_engine_io_code(), (400, 1));
    assert_eq!(websocket.wait_until_closed().await, 1000);
}

#[tokio::test]
async fn an_engine_io_session_belongs_to_one_browser() {
    let server = TestServer::start().await;
    let (browser, other) = (server.browser(), server.browser());
    other.start_conversation().await;
    let polling = connect_polling(&browser).await;

    for other_browser in [other, server.browser()] {
        let hijacked = polling.with_browser(&other_browser);
        assert_eq!(hijacked.poll().await.status_and_engine_io_code(), (400, 1));
        assert_eq!(hijacked.post("1").await.status_and_engine_io_code(), (400, 1));
        assert_eq!(handshake_status(hijacked.open_websocket().await), 400);
    }

    assert_eq!(polling.post("42[\"ping\",{}]").await.text, "ok");
    assert_eq!(polling.poll().await.text, "42[\"pong\",{}]");
}

#[tokio::test]
async fn only_allowed_origins_get_cors_headers() {
    let server = TestServer::with_settings(&[("ALLOWED_ORIGINS", "https://chat.example")]).await;
    let browser = server.browser();
    let (polling, _) = Polling::open(&browser).await;
    let path = socket_io_path("polling", Some(polling.sid()));
    let send_from_origin = |method: Method, path: &str, origin: &str| {
        let method_header = HeaderName::from_static("access-control-request-method");
        let headers_header = HeaderName::from_static("access-control-request-headers");
        let request = browser.request(method.clone(), path).header(ORIGIN, origin);
        let is_preflight = method == Method::OPTIONS;
        let request = if is_preflight { request.header(method_header, "POST") } else { request };
        browser.send(request.header(headers_header, "x-one").body("40"))
    };

    for (method, path, status) in [
        (Method::OPTIONS, path.as_str(), 204),
        (Method::POST, path.as_str(), 200),
        (Method::GET, path.as_str(), 200),
        (Method::GET, "/socket.io/?EIO=4&transport=polling&sid=x", 400),
        (Method::OPTIONS, "/start_conversation", 204),
        (Method::POST, "/start_conversation", 200),
    ] {
        let response = send_from_origin(method.clone(), path, "https://chat.example").await;
        assert_eq!(response.status, status, "{response:?}");
        assert_eq!(response.header("access-control-allow-origin"), "https://chat.example");
        assert_eq!(response.header("access-control-allow-credentials"), "true");
        assert_eq!(response.header("vary"), "origin");
        if method == Method::OPTIONS {
            assert!(response.header("access-control-allow-methods").contains("POST"));
            assert_eq!(response.header("access-control-allow-headers"), "x-one");
        }
        let hostile = send_from_origin(method, path, "https://evil.example").await;
        assert!(!hostile.headers.contains_key("access-control-allow-origin"), "{hostile:?}");
        assert!(hostile.status.is_client_error(), "{hostile:?}");
    }
}
