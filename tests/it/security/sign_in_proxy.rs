//! A proxy that signs users in and names them in a header.

use std::net::{IpAddr, Ipv4Addr};

use reqwest::Method;
use serde_json::json;
use webchat::UserCommand;
use webchat_tests::{Browser, Process, Response, ScriptedModel};

use super::account_server::manage;

const HEADER: &str = "X-Forwarded-User";

/// The address of the proxy. All other clients connect from 127.0.0.1.
const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

async fn start(dir: &tempfile::TempDir, model: &ScriptedModel) -> Process {
    let settings = [
        ("AZURE_API_URL", model.url()),
        ("AUTH", "required"),
        ("AUTH_HEADER", HEADER),
        ("AUTH_HEADER_PROXIES", "127.0.0.2"),
    ];
    Process::start(dir.path(), &settings).await
}

async fn send_as(browser: &Browser, names: &[&str], method: Method, path: &str) -> Response {
    let request = browser.request(method, path);
    browser.send(names.iter().fold(request, |request, name| request.header(HEADER, *name))).await
}

#[tokio::test]
async fn a_user_of_the_proxy_has_an_account_without_signing_in() {
    let (model, dir) = (ScriptedModel::start(), tempfile::tempdir().unwrap());
    let server = start(&dir, &model).await;
    let proxy = server.browser().with_address(PROXY);

    for device in [proxy.clone(), proxy.new_user()] {
        let started =
            send_as(&device, &["Alice@example.org"], Method::POST, "/api/v1/conversations").await;
        assert_eq!(started.status, 201, "{}", started.text);
        assert!(started.header("set-cookie").is_empty(), "the user gets a cookie");
    }

    let me = send_as(&proxy, &["alice@example.org"], Method::GET, "/api/v1/me").await.json();
    assert_eq!(
        (&me["account"]["name"], &me["known_by"]),
        (&json!("alice@example.org"), &json!("proxy"))
    );
    let id =
        send_as(&proxy, &["alice@example.org"], Method::POST, "/start_conversation").await.json();
    let list =
        send_as(&proxy, &["alice@example.org"], Method::GET, "/list_conversations").await.json();
    assert_eq!(list["conversations"].as_array().unwrap().len(), 3);
    assert_eq!(list["conversations"][0]["conversation_id"], id["conversation_id"]);
    let others =
        send_as(&proxy, &["bob@example.org"], Method::GET, "/list_conversations").await.json();
    assert_eq!(others["conversations"], json!([]));
    // The Flask application's clients work on the current conversation.
    let saved = send_as(&proxy, &["alice@example.org"], Method::POST, "/reset_conversation").await;
    assert_eq!(saved.status, 200, "{}", saved.text);
}

#[tokio::test]
async fn only_the_proxy_can_name_a_user() {
    let (model, dir) = (ScriptedModel::start(), tempfile::tempdir().unwrap());
    let server = start(&dir, &model).await;
    let (proxy, attacker) = (server.browser().with_address(PROXY), server.browser());

    let spoofed = send_as(&attacker, &["alice"], Method::GET, "/api/v1/conversations").await;
    assert_eq!(spoofed.status, 401, "{}", spoofed.text);
    let request = attacker.request(Method::GET, "/api/v1/conversations").header(HEADER, "alice");
    let forwarded = attacker.send(request.header("X-Forwarded-For", "127.0.0.2")).await;
    assert_eq!(forwarded.status, 401, "{}", forwarded.text);
    for names in [&["alice", "mallory"][..], &[""], &["a b"], &["a\u{308}\u{308}/../"]] {
        let refused = send_as(&proxy, names, Method::GET, "/api/v1/conversations").await;
        assert_eq!(refused.status, 400, "{names:?}: {}", refused.text);
    }
    let missing = proxy.get("/api/v1/conversations").await;
    assert_eq!(missing.status, 401, "{}", missing.text);
    let request = proxy.request(Method::POST, "/api/v1/conversations").header(HEADER, "alice");
    let cross_site = proxy.send(request.header("origin", "https://elsewhere.example")).await;
    assert_eq!(cross_site.status, 403, "{}", cross_site.text);
}

#[tokio::test]
async fn a_disabled_user_of_the_proxy_has_no_access() {
    let (model, dir) = (ScriptedModel::start(), tempfile::tempdir().unwrap());
    let mut server = start(&dir, &model).await;
    let proxy = server.browser().with_address(PROXY);
    send_as(&proxy, &["alice"], Method::POST, "/api/v1/conversations").await;
    server.terminate().await;
    assert!(server.wait_for_exit().await);

    let stores = [("DATA_DIR", dir.path().to_str().unwrap())];
    manage(&stores, UserCommand::Disable("alice".parse().unwrap())).await;
    let server = start(&dir, &model).await;

    let proxy = server.browser().with_address(PROXY);
    let refused = send_as(&proxy, &["alice"], Method::GET, "/api/v1/conversations").await;
    assert_eq!(refused.status_and_code(), (403, "account_disabled".to_owned()));
}

#[tokio::test]
async fn the_header_needs_the_addresses_of_its_proxies() {
    let dir = tempfile::tempdir().unwrap();
    let run = async |settings: &[(&str, &str)]| {
        let model = [("AZURE_API_URL", "http://127.0.0.1:9"), ("AUTH_HEADER", HEADER)];
        Process::run_until_exit(dir.path(), &[&model[..], settings].concat()).await
    };

    let without_proxies = run(&[("AUTH", "required")]).await;
    let without_sign_in = run(&[("AUTH_HEADER_PROXIES", "127.0.0.2")]).await;

    assert!(!without_proxies.success, "{without_proxies:?}");
    assert!(without_proxies.stderr.contains("AUTH_HEADER_PROXIES"), "{without_proxies:?}");
    assert!(without_sign_in.stderr.contains("AUTH"), "{without_sign_in:?}");
}
