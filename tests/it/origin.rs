//! Pages of other origins.

use reqwest::Method;
use reqwest::header::{HeaderValue, ORIGIN};
use tokio_tungstenite::tungstenite::Error;
use webchat_tests::{Browser, TestServer, upgrade};

const HOSTILE: [&str; 12] = [
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
    "https://chat.example/",
    "file://",
];

async fn post_from(browser: &Browser, origin: &[u8]) -> (u16, String) {
    let value = HeaderValue::from_bytes(origin).unwrap();
    let request = browser.request(Method::POST, "/start_conversation").header(ORIGIN, value);
    let answer = browser.send(request).await;
    (answer.status.as_u16(), answer.json()["code"].as_str().unwrap_or("").to_owned())
}

/// The status that a WebSocket is refused with; 101 when it is opened.
async fn connect_from(browser: &Browser, origin: Option<&[u8]>) -> u16 {
    let mut headers = browser.headers();
    headers.remove(ORIGIN);
    if let Some(origin) = origin {
        headers.insert(ORIGIN, HeaderValue::from_bytes(origin).unwrap());
    }
    match upgrade(browser.base(), headers).await {
        Ok(_) => 101,
        Err(Error::Http(response)) => response.status().as_u16(),
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn pages_of_other_origins_are_refused() {
    let server = TestServer::with(&[("ALLOWED_ORIGINS", "https://chat.example")]).await;
    let browser = server.browser();
    browser.start_conversation().await;

    let hostile =
        HOSTILE.iter().map(|origin| origin.as_bytes()).chain([&b"https://\xff.example"[..]]);
    for origin in hostile {
        let refused = (403, "origin_not_allowed".to_owned());
        assert_eq!(post_from(&browser, origin).await, refused, "{origin:?}");
        assert_eq!(connect_from(&browser, Some(origin)).await, 403, "{origin:?}");
    }
}

#[tokio::test]
async fn pages_of_the_servers_own_and_of_allowed_origins_pass_and_so_do_programs() {
    let settings = [
        ("PUBLIC_URL", "https://chat.example/"),
        ("ALLOWED_ORIGINS", "https://a.example,http://b.example:81"),
    ];
    let server = TestServer::with(&settings).await;
    let browser = server.browser();
    let own = browser.base().origin().ascii_serialization();

    for origin in [own.as_str(), "https://chat.example", "https://a.example", "http://b.example:81"]
    {
        assert_eq!(post_from(&browser, origin.as_bytes()).await.0, 200, "{origin}");
        assert_eq!(connect_from(&browser, Some(origin.as_bytes())).await, 101, "{origin}");
    }
    assert_eq!(connect_from(&browser, None).await, 101);
}
