//! Requests from pages of other origins.

use reqwest::Method;
use reqwest::header::{HOST, HeaderValue, ORIGIN};
use tokio_tungstenite::tungstenite::Error;
use webchat_tests::{Browser, Polling, Response, TestServer, socket_io_path, upgrade};

/// Origins that are neither the server's own nor allowed.
const HOSTILE_ORIGINS: [&str; 13] = [
    "null",
    "",
    "https://evil.example",
    "http://localhost",
    "http://127.0.0.1",
    "http://127.0.0.1:1",
    "https://chat.example.evil.example",
    "https://chat.example:8443",
    "http://chat.example",
    "https://chat.example@evil.example",
    "wss://evil.example",
    "capacitor://localhost",
    "file://",
];

async fn send_from_origin(
    browser: &Browser,
    origin: &[u8],
    method: &Method,
    path: &str,
) -> Response {
    let value = HeaderValue::from_bytes(origin).unwrap();
    let request = browser.request(method.clone(), path).header(ORIGIN, value);
    browser.send(request.body("40")).await
}

/// Attempts a WebSocket handshake. Returns the status; 101 if the server accepted it.
async fn websocket_status(browser: &Browser, origin: Option<&[u8]>, path: &str) -> u16 {
    let mut headers = browser.headers();
    headers.remove(ORIGIN);
    if let Some(origin) = origin {
        headers.insert(ORIGIN, HeaderValue::from_bytes(origin).unwrap());
    }
    match upgrade(&browser.base().join(path).unwrap(), headers).await {
        Ok(_) => 101,
        Err(Error::Http(response)) => response.status().as_u16(),
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn other_origins_are_rejected() {
    let server = TestServer::with_settings(&[("ALLOWED_ORIGINS", "https://chat.example")]).await;
    let browser = server.browser();
    let id = browser.start_conversation().await;
    let (session, _) = Polling::open(&browser).await;
    let conversation = format!("/api/v1/conversations/{id}");
    let handshake = socket_io_path("polling", None);
    let polling = socket_io_path("polling", Some(session.sid()));
    let websocket = socket_io_path("websocket", None);
    let upgrade_path = socket_io_path("websocket", Some(session.sid()));

    let hostile = HOSTILE_ORIGINS
        .iter()
        .map(|origin| origin.as_bytes())
        .chain([&b"https://\xff.example"[..]]);
    for origin in hostile {
        for (method, path) in [
            (Method::POST, "/start_conversation"),
            (Method::POST, "/api/v1/conversations"),
            (Method::PATCH, &conversation),
            (Method::DELETE, &conversation),
        ] {
            let rejected = send_from_origin(&browser, origin, &method, path).await;
            assert_eq!(
                rejected.status_and_code(),
                (403, "origin_not_allowed".to_owned()),
                "{origin:?}"
            );
        }
        for (method, path) in [
            (Method::GET, &handshake),
            (Method::GET, &handshake.replace('.', "%2E")),
            (Method::GET, &polling),
            (Method::POST, &polling),
            (Method::OPTIONS, &polling),
        ] {
            let rejected = send_from_origin(&browser, origin, &method, path).await;
            assert_eq!(rejected.status_and_engine_io_code(), (403, 4), "{method} {origin:?}");
        }
        for path in ["/ws", &websocket, &upgrade_path] {
            assert_eq!(
                websocket_status(&browser, Some(origin), path).await,
                403,
                "{path} {origin:?}"
            );
        }
    }
    assert_eq!(session.post("40").await.text, "ok", "a rejected request reached the session");
}

#[tokio::test]
async fn own_and_allowed_origins_and_requests_without_an_origin_are_accepted() {
    let settings = [
        ("PUBLIC_URL", "https://chat.example/"),
        (
            "ALLOWED_ORIGINS",
            "https://a.example,http://b.example:81,wss://c.example,capacitor://localhost,null",
        ),
    ];
    let server = TestServer::with_settings(&settings).await;
    let browser = server.browser();
    let own = browser.base().origin().ascii_serialization();
    let handshake = socket_io_path("polling", None);
    let websocket = socket_io_path("websocket", None);

    let own_websocket = own.replace("http:", "ws:");
    for origin in [
        own.as_str(),
        own_websocket.as_str(),
        "https://chat.example",
        "wss://chat.example:443",
        "https://a.example",
        "http://b.example:81",
        "https://c.example",
        "capacitor://localhost",
        "null",
    ] {
        for (method, path) in [(Method::POST, "/start_conversation"), (Method::GET, &handshake)] {
            let response = send_from_origin(&browser, origin.as_bytes(), &method, path).await;
            assert_eq!(response.status, 200, "{path} {origin}");
        }
        for path in ["/ws", &websocket] {
            let status = websocket_status(&browser, Some(origin.as_bytes()), path).await;
            assert_eq!(status, 101, "{path} {origin}");
        }
    }
    for path in ["/ws", &websocket] {
        assert_eq!(websocket_status(&browser, None, path).await, 101, "{path}");
    }
}

/// Sends a request with another host in its `Host` header than the one that it is sent to.
async fn send_to_host(browser: &Browser, host: &str, method: Method, path: &str) -> Response {
    browser.send(browser.request(method, path).header(HOST, host)).await
}

#[tokio::test]
async fn unknown_hosts_are_rejected() {
    let settings =
        [("PUBLIC_URL", "https://chat.example"), ("ALLOWED_ORIGINS", "https://a.example:81")];
    let server = TestServer::with_settings(&settings).await;
    let browser = server.browser();
    let id = browser.start_conversation().await;
    let events = format!("/api/v1/conversations/{id}/events");
    let handshake = socket_io_path("polling", None);

    for host in ["evil.example", "chat.example.evil.example", "chat.example@evil.example"] {
        for path in ["/", "/list_conversations", "/api/v1/conversations", &events, &handshake] {
            let rejected = send_to_host(&browser, host, Method::GET, path).await;
            let code = (421, "host_not_allowed".to_owned());
            assert_eq!(rejected.status_and_code(), code, "{host} {path}");
            assert!(rejected.text.contains("PUBLIC_URL"), "{rejected:?}");
        }
        let mut headers = browser.headers();
        headers.insert(HOST, HeaderValue::from_str(host).unwrap());
        headers.insert(ORIGIN, HeaderValue::from_str(&format!("http://{host}")).unwrap());
        let rejected = upgrade(&browser.base().join("/ws").unwrap(), headers).await;
        let Err(Error::Http(response)) = rejected else { panic!("{host} was accepted") };
        assert_eq!(response.status(), 421, "{host}");
    }
    for host in ["chat.example", "CHAT.example:8443", "a.example", "localhost", "192.0.2.7:8080"] {
        let accepted = send_to_host(&browser, host, Method::GET, "/api/v1/config").await;
        assert_eq!(accepted.status, 200, "{host}");
    }
}

#[tokio::test]
async fn a_cross_site_request_with_the_cookie_but_without_an_origin_is_rejected() {
    let server = TestServer::start().await;
    let browser = server.browser();
    browser.start_conversation().await;
    let post = |site| {
        let request = browser.request(Method::POST, "/api/v1/conversations");
        browser.send(request.header("sec-fetch-site", site))
    };

    assert_eq!(post("cross-site").await.status_and_code(), (403, "origin_not_allowed".to_owned()));
    for site in ["same-origin", "same-site", "none"] {
        assert_eq!(post(site).await.status, 201, "{site}");
    }
}
