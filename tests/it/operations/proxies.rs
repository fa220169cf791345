//! The server behind real reverse proxies, at the root of a host and under a path.

use reqwest::Method;
use rstest::rstest;
use serde_json::json;
use webchat_tests::{
    Browser, EventStream, FreePort, Process, ProxyProgram, ReverseProxy, SocketIo, TestServer,
    Transport, answer_text,
};

/// The default of `MAX_FILE_SIZE_MB`, in bytes.
const MAX_FILE_BYTES: usize = 5 * 1024 * 1024;

/// A server behind a proxy.
struct ProxiedServer {
    server: TestServer,
    browser: Browser,
    _proxy: ReverseProxy,
}

impl ProxiedServer {
    async fn start(program: ProxyProgram, example: &str, path: &str) -> Self {
        let port = FreePort::choose();
        let settings = [
            ("PUBLIC_URL", port.url(path)),
            ("TRUSTED_PROXIES", "127.0.0.1".to_owned()),
            ("CHUNK_SIZE_TOKENS", "100000".to_owned()),
        ];
        let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
        let server = TestServer::with_settings(&settings).await;
        let proxy = port.start(program, example, &[server.address()]).await;
        Self { server, browser: port.browser(path), _proxy: proxy }
    }
}

#[rstest]
#[case(ProxyProgram::Nginx, "nginx/webchat.conf", "/")]
#[case(ProxyProgram::Nginx, "nginx/webchat-subpath.conf", "/chat/")]
#[case(ProxyProgram::Caddy, "caddy/Caddyfile", "/")]
#[case(ProxyProgram::Caddy, "caddy/Caddyfile.subpath", "/chat/")]
#[tokio::test]
async fn the_server_works_behind_a_proxy(
    #[case] program: ProxyProgram,
    #[case] example: &str,
    #[case] path: &str,
) {
    let proxied = ProxiedServer::start(program, example, path).await;
    let browser = &proxied.browser;

    assert_page_is_under(browser, path).await;
    assert_websocket_works(browser).await;
    assert_events_are_not_buffered(&proxied).await;
    for transport in [Transport::Polling, Transport::WebSocket] {
        assert_socket_io_works(browser, transport).await;
    }
    assert_large_uploads_are_accepted(browser).await;
    let other_site = browser.request(Method::POST, "/api/v1/conversations");
    let rejected = browser.send(other_site.header("origin", "https://evil.example")).await;
    assert_eq!(rejected.status_and_code(), (403, "origin_not_allowed".to_owned()));
    assert_eq!(browser.get("/metrics").await.status, 404);
}

async fn assert_page_is_under(browser: &Browser, path: &str) {
    let page = browser.get("/c/none").await;
    let docs = browser.get("/api/docs").await;
    let redirected = browser.get(&format!("/..{}", path.trim_end_matches('/'))).await;

    assert!(page.text.contains(&format!("<base href=\"{path}\" />")), "{page:?}");
    let cookie = page.header("set-cookie");
    assert!(cookie.contains(&format!("Path={path};")), "{cookie}");
    assert_eq!((docs.status.as_u16(), redirected.status.as_u16()), (200, 200));
}

async fn assert_websocket_works(browser: &Browser) {
    let id = browser.start_conversation().await;
    let mut socket = browser.connect().await;

    assert_eq!(socket.ask(&id, "Why?").await, "You said: Why?");
}

/// Asserts that the beginning of an answer arrives before its end.
async fn assert_events_are_not_buffered(proxied: &ProxiedServer) {
    let browser = &proxied.browser;
    let id = browser.start_conversation().await;
    let model_answer = proxied.server.model.next_answer();
    let path = format!("/api/v1/conversations/{id}/messages");
    let request = browser.request(Method::POST, &path).json(&json!({"message": "Why?"}));
    let mut events = EventStream::open(request).await;

    model_answer.send("Be");
    while events.receive().await.unwrap().name != "response_chunk" {}
    model_answer.send("cause.");
    model_answer.finish();
    assert_eq!(events.receive_all().await.last().unwrap().name, "token_usage");
}

async fn assert_socket_io_works(browser: &Browser, transport: Transport) {
    let id = browser.start_conversation().await;
    let mut client = SocketIo::connect(browser, transport).await;

    let question = json!({"conversation_id": id, "message": "Why?"});
    client.emit("send_message", question, None).await;
    let (events, _) = client.receive_until("token_usage").await;

    assert_eq!(answer_text(&events), "You said: Why?", "{transport:?}");
}

async fn assert_large_uploads_are_accepted(browser: &Browser) {
    let id = browser.start_conversation().await;
    let path = format!("/api/v1/conversations/{id}/files");
    let largest = "tide ".repeat(MAX_FILE_BYTES / 5);

    let accepted = browser.upload(&path, "tides.txt", largest.as_bytes()).await;
    let too_large = browser.upload(&path, "more.txt", format!("{largest}tides").as_bytes()).await;

    assert_eq!(accepted.status, 202, "{accepted:?}");
    assert_eq!(too_large.status_and_code(), (413, "payload_too_large".to_owned()));
}

/// A proxy may remove the path, and probes send requests without it.
#[tokio::test]
async fn requests_with_and_without_the_public_path_are_equivalent() {
    let settings = [("PUBLIC_URL", "https://host.example/chat/"), ("METRICS", "on")];
    let server = TestServer::with_settings(&settings).await;
    let browser = server.browser();

    for path in ["/", "/c/none", "/api/v1/config", "/healthz", "/metrics"] {
        let (without, with) = (browser.get(path).await, browser.get(&format!("/chat{path}")).await);
        assert_eq!((without.status.as_u16(), with.status.as_u16()), (200, 200), "{path}");
    }
    let page = browser.get("/chat").await;
    let cookie = page.header("set-cookie");
    assert!(page.text.contains("<base href=\"/chat/\" />"), "{page:?}");
    assert!(cookie.starts_with("__Secure-webchat_session="), "{cookie}");
    assert!(cookie.contains("Path=/chat/;") && cookie.contains("Secure"), "{cookie}");
    let document = browser.get("/chat/api/openapi.json").await.json();
    assert_eq!(document["servers"], json!([{"url": "/chat"}]));
    assert_eq!(browser.get("/chatter").await.status, 404);
    assert_eq!(browser.get("/chat/chat/").await.status, 404);
}

/// If the cookies of both servers had the same path, the browser would send each of them to both servers.
#[tokio::test]
async fn servers_under_different_paths_of_a_host_have_separate_cookies() {
    let first = TestServer::with_settings(&[("PUBLIC_URL", "http://127.0.0.1/one/")]).await;
    let second = TestServer::with_settings(&[("PUBLIC_URL", "http://127.0.0.1/other/")]).await;
    let browser = first.browser();

    let created = browser.post("/one/api/v1/conversations").await.json();
    let path =
        format!("/one/api/v1/conversations/{}", created["conversation_id"].as_str().unwrap());
    browser.patch(&path, &json!({"title": "Tides"})).await;
    browser.at_url(second.browser().url("/other/")).get("/").await;

    let list = browser.get("/one/api/v1/conversations").await.json();
    assert_eq!(list["conversations"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_server_does_not_start_if_its_path_is_invalid_in_a_cookie() {
    let dir = tempfile::tempdir().unwrap();
    let settings = [
        ("AZURE_API_URL", "http://127.0.0.1:9/v1/chat/completions"),
        ("PUBLIC_URL", "https://host.example/a;b/"),
    ];

    let output = Process::run_until_exit(dir.path(), &settings).await;

    assert!(!output.success);
    assert!(output.stderr.contains("PUBLIC_URL"), "{}", output.stderr);
}
