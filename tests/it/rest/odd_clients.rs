//! Headers and protocol versions of old and unusual clients and proxies.

use reqwest::header::{ACCEPT, COOKIE, HeaderValue};
use reqwest::{Method, Version};
use serde_json::json;
use webchat_tests::TestServer;

#[tokio::test]
async fn the_session_is_found_among_invalid_cookies_and_those_of_other_servers() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let path = format!("/api/v1/conversations/{}", browser.start_conversation().await);
    let own = browser.cookie();
    let (name, _) = own.split_once('=').unwrap();

    for cookies in [
        [b"theme=\xfc; ", own.as_bytes()].concat(),
        format!("{name}=of-another-server; {own}").into_bytes(),
        format!("a=1, {own}").into_bytes(),
    ] {
        let value = HeaderValue::from_bytes(&cookies).unwrap();
        let found = browser.send(browser.request(Method::GET, &path).header(COOKIE, value)).await;
        assert_eq!(found.status, 200, "{}", cookies.escape_ascii());
    }
}

#[tokio::test]
async fn a_stream_over_http_1_0_has_no_chunks_and_ends_with_the_connection() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let path = format!("/api/v1/conversations/{}/messages", browser.start_conversation().await);

    let request = browser.request(Method::POST, &path).json(&json!({"message": "tide"}));
    let request = request.version(Version::HTTP_10).header(ACCEPT, "text/event-stream");
    let stream = browser.send(request).await;

    assert_eq!(stream.header("transfer-encoding"), "");
    assert!(stream.text.starts_with("event: "), "{}", stream.text);
    assert!(stream.text.contains("event: token_usage"), "{}", stream.text);
}

#[tokio::test]
async fn the_accept_header_of_javas_url_connection_gets_json() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let path = format!("/api/v1/conversations/{}/messages", browser.start_conversation().await);

    let request = browser.request(Method::POST, &path).json(&json!({"message": "tide"}));
    let accept = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2";
    let answered = browser.send(request.header(ACCEPT, accept)).await;

    assert_eq!(answered.status, 200, "{answered:?}");
    assert_eq!(answered.header("content-type"), "application/json");
}

#[tokio::test]
async fn a_quoted_idempotency_key_is_the_key_without_quotes() {
    let server = TestServer::start().await;
    let browser = server.browser();
    browser.start_conversation().await;
    let create = async |key: &str| {
        let request = browser.request(Method::POST, "/api/v1/conversations");
        browser.send(request.header("idempotency-key", key)).await
    };

    let ids = [create("k1").await, create("\"k1\"").await]
        .map(|created| created.json()["conversation_id"].clone());

    assert_eq!(ids[0], ids[1]);
}

#[tokio::test]
async fn a_client_that_offers_http_2_learns_that_the_connection_is_closed() {
    let server = TestServer::start().await;

    let request = server.browser().request(Method::GET, "/get_config").header("upgrade", "h2c");
    let request = request.header("connection", "Upgrade, HTTP2-Settings");
    let response = server.browser().send(request.header("http2-settings", "AAEAAEAA")).await;

    assert_eq!((response.status.as_u16(), response.header("connection")), (200, "close"));
}
