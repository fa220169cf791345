//! Requests whose boundaries are ambiguous, and methods that the server does not have.

use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use webchat_tests::TestServer;

/// A request that a proxy could take for the body of the one before.
const SMUGGLED: &str = "GET /api/v1/config HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[tokio::test]
async fn a_request_with_an_ambiguous_length_is_refused_and_its_connection_is_closed() {
    let server = TestServer::start().await;
    let address = server.browser().base().socket_addrs(|| None).unwrap()[0];
    let length = SMUGGLED.len();

    for lengths in [
        format!("Content-Length: {length}\r\nTransfer-Encoding: chunked"),
        format!("Transfer-Encoding: chunked\r\nContent-Length: {length}"),
        format!("Content-Length: 0\r\nContent-Length: {length}"),
        format!("Content-Length : {length}"),
        format!("Content-Length: +{length}"),
        "Transfer-Encoding: identity, chunked, identity".to_owned(),
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request =
            format!("POST /api/v1/conversations HTTP/1.1\r\nHost: localhost\r\n{lengths}");
        stream.write_all(format!("{request}\r\n\r\n{SMUGGLED}").as_bytes()).await.unwrap();

        let mut responses = String::new();
        stream.read_to_string(&mut responses).await.unwrap();

        assert!(responses.starts_with("HTTP/1.1 400 "), "{lengths}: {responses}");
        assert_eq!(responses.matches("HTTP/1.1").count(), 1, "{lengths}: {responses}");
    }
}

#[tokio::test]
async fn no_request_is_sent_back_by_trace() {
    let server = TestServer::start().await;
    let browser = server.browser();

    for path in ["/", "/api/v1/config", "/healthz"] {
        let request = browser.request(Method::TRACE, path).header("x-secret", "tide");
        let response = browser.send(request).await;

        assert!(response.status.is_client_error(), "{path}: {response:?}");
        assert!(!response.text.contains("tide"), "{path}: {response:?}");
    }
}
