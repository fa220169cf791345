//! API keys: what programs may do with them, on every transport, and their end.

use std::time::Instant;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;
use webchat_tests::{
    Browser, Process, ScriptedModel, SocketIo, TIMEOUT, Transport, mongodb_uri, redis_url,
};

use super::account_server::{
    AccountServer, PASSWORD, add, expect_close, listed, new_key, post, sign_in,
};
use super::accounts::PUBLIC_ROUTES;
use super::isolation::{request_status, routes};

/// The routes that need another scope than `read` for GET, and `chat` for the other methods.
const EXPORT_ROUTES: [&str; 5] = [
    "GET /api/v1/export",
    "GET /api/v1/conversations/{id}/export",
    "POST /api/v1/conversations/{id}/save",
    "POST /save_history",
    "GET /saved_conversations/{file}",
];
const FILE_ROUTES: [&str; 4] = [
    "POST /upload_file",
    "POST /api/v1/conversations/{id}/files",
    "DELETE /api/v1/conversations/{id}/files/{job_id}",
    "POST /api/v1/conversations/{id}/files/{job_id}/retry",
];

const OPENAI_ROUTES: [&str; 3] =
    ["GET /v1/models", "GET /v1/models/{id}", "POST /v1/chat/completions"];

/// The routes that are only for people.
const PEOPLES_ROUTES: [&str; 7] = [
    "POST /api/v1/me/erasure",
    "GET /api/v1/me/sessions",
    "DELETE /api/v1/me/sessions",
    "DELETE /api/v1/me/sessions/{session_id}",
    "GET /api/v1/me/keys",
    "POST /api/v1/me/keys",
    "DELETE /api/v1/me/keys/{key_id}",
];

/// Returns the scope that a route needs; `None` if it is not possible with a key.
fn needed_scope(route: &str) -> Option<&'static str> {
    match route {
        route if PEOPLES_ROUTES.contains(&route) => None,
        route if route.contains("/api/v1/admin/") => Some("admin"),
        route if EXPORT_ROUTES.contains(&route) => Some("export"),
        route if FILE_ROUTES.contains(&route) => Some("files"),
        route if OPENAI_ROUTES.contains(&route) => Some("chat"),
        route if route.starts_with("GET ") => Some("read"),
        _ => Some("chat"),
    }
}

/// Returns a program with a new key with these scopes.
async fn program(browser: &Browser, scopes: &[&str]) -> Browser {
    let key = new_key(browser, json!({"name": "a program", "scopes": scopes})).await;
    browser.with_key(key["secret"].as_str().unwrap())
}

#[tokio::test]
async fn a_key_allows_only_the_routes_of_its_scopes() {
    let server = AccountServer::start("required").await;
    let alice = server.signed_in("alice").await;
    let id = alice.start_conversation().await;

    for scope in ["read", "chat", "files", "export"] {
        let program = program(&alice, &[scope]).await;
        for route in routes().filter(|route| !PUBLIC_ROUTES.contains(&route.as_str())) {
            let (method, path) = route.split_once(' ').unwrap();
            let status = request_status(&program, method, path, &id).await;
            let is_allowed = needed_scope(&route) == Some(scope);
            assert_ne!(status, 401, "{scope}: {route}");
            assert_eq!(status != 403, is_allowed, "{scope}: {route}: {status}");
        }
        let upload = program.upload("/upload_file", "tides.txt", b"").await;
        assert_eq!(upload.status != 403, scope == "files", "{scope}: {}", upload.text);
        for path in ["/ws", "/socket.io/?EIO=4&transport=polling"] {
            let response = program.get(path).await;
            assert_eq!(response.status != 403, scope == "read", "{scope}: {path}");
        }
        let credentials = json!({"name": "alice", "password": PASSWORD});
        let mut change = credentials.clone();
        change["new_password"] = json!("four tides a week");
        for (action, body) in [
            ("sign-in", credentials.clone()),
            ("sign-up", credentials),
            ("password", change),
            ("sign-out", json!({})),
        ] {
            let response = post(&program, action, body).await;
            assert_eq!(response.status, 403, "{action}: {}", response.text);
        }
    }
    assert_eq!(program(&alice, &["read"]).await.get("/api/v1/me").await.status, 200);
}

#[tokio::test]
async fn a_program_streams_an_answer_on_every_transport_and_the_user_sees_it() {
    let server = AccountServer::start("required").await;
    let (alice, bob) = (server.signed_in("alice").await, server.signed_in("bob").await);
    let program = program(&alice, &["read", "chat"]).await;

    let started = program.post("/api/v1/conversations").await.json();
    let id = started["conversation_id"].as_str().unwrap();
    let path = format!("/api/v1/conversations/{id}/messages");
    let request = program.request(Method::POST, &path).json(&json!({"message": "one"}));
    let stream = program.send(request.header("accept", "text/event-stream")).await;
    assert!(stream.text.contains("event: response_end"), "{}", stream.text);
    let mut socket = program.connect().await;
    assert_eq!(socket.ask(id, "two").await, "You said: two");
    for transport in [Transport::WebSocket, Transport::Polling] {
        let mut client = SocketIo::connect(&program, transport).await;
        let message = json!({"conversation_id": id, "message": "three"});
        client.emit("send_message", message, None).await;
        client.receive_until("response_end").await;
    }

    assert_eq!((listed(&alice).await, listed(&bob).await), (1, 0));
    let page = alice.get(&path).await.json();
    assert_eq!(page["messages"].as_array().unwrap().len(), 8);
    let stranger = self::program(&bob, &["read", "chat"]).await;
    assert_eq!(stranger.get(&path).await.status, 404);
    assert!(stream.header("set-cookie").is_empty(), "a program gets a cookie");
}

#[tokio::test]
async fn a_key_without_the_scope_chat_only_follows() {
    let server = AccountServer::start("required").await;
    let alice = server.signed_in("alice").await;
    let id = alice.start_conversation().await;
    let mut socket = program(&alice, &["read"]).await.connect().await;

    socket.send("subscribe", json!({"conversation_id": id})).await;
    socket.expect("subscribed").await;
    for event in
        ["send_message", "edit_message", "regenerate", "continue", "select_version", "stop"]
    {
        let message_id = "0190b0a0-0000-7000-8000-000000000000";
        let data = json!({"conversation_id": id, "message_id": message_id, "message": "x"});
        socket.send(event, data).await;
        let error = socket.expect("error").await;
        assert_eq!(error["code"], "forbidden", "{event}: {error}");
    }
}

#[tokio::test]
async fn invalid_keys_are_refused_even_with_a_valid_cookie() {
    let server = AccountServer::start("optional").await;
    let alice = server.signed_in("alice").await;
    let key = new_key(&alice, json!({"name": "a program", "scopes": ["read"]})).await;
    let secret = key["secret"].as_str().unwrap();
    let mistyped = format!("{}x", secret.strip_suffix(char::is_alphanumeric).unwrap());
    let unknown = webchat_domain::ApiKeySecret::generate().unwrap();

    for invalid in ["wc_", &mistyped, secret.get(..70).unwrap(), unknown.expose()] {
        let request = alice.request(Method::GET, "/api/v1/conversations").bearer_auth(invalid);
        let response = alice.send(request).await;
        assert_eq!(response.status_and_code(), (401, "invalid_api_key".to_owned()), "{invalid}");
        assert_eq!(response.header("www-authenticate"), "Bearer");
    }
    // A proxy's own token.
    let request = alice.request(Method::GET, "/api/v1/conversations").bearer_auth("eyJ");
    assert_eq!(alice.send(request).await.status, 200);
    let log = server.process.log();
    assert!(log.contains("key_refused"), "{log}");
    for secret in [secret, unknown.expose()] {
        assert!(!log.contains(secret.get(..20).unwrap()), "{log}");
    }
}

#[tokio::test]
async fn the_origin_of_a_request_is_checked_unless_it_has_a_key() {
    let server = AccountServer::start("required").await;
    let alice = server.signed_in("alice").await;
    let program = program(&alice, &["chat"]).await;
    let start = |client: &Browser| {
        client
            .request(Method::POST, "/api/v1/conversations")
            .header("origin", "https://elsewhere.example")
    };

    assert_eq!(alice.send(start(&alice)).await.status, 403);
    assert_eq!(program.send(start(&program)).await.status, 201);
}

#[tokio::test]
async fn bad_descriptions_of_keys_are_refused() {
    let server = AccountServer::start("required").await;
    let alice = server.signed_in("alice").await;
    let bob = server.signed_in("bob").await;

    for password in [json!({}), json!({"password": "a wrong password"})] {
        let mut body = json!({"name": "x", "scopes": ["read"]});
        body.as_object_mut().unwrap().extend(password.as_object().unwrap().clone());
        let refused = alice.send(alice.request(Method::POST, "/api/v1/me/keys").json(&body)).await;
        assert_eq!(refused.status_and_code(), (401, "wrong_credentials".to_owned()));
    }
    for mut body in [
        json!({"name": "", "scopes": ["read"]}),
        json!({"name": "x".repeat(65), "scopes": ["read"]}),
        json!({"name": "x", "scopes": []}),
        json!({"name": "x", "scopes": ["all"]}),
        json!({"name": "x", "scopes": ["read"], "expires_at": "2020-01-01T00:00:00Z"}),
        json!({"name": "x", "scopes": ["read"], "user_id": "bob"}),
    ] {
        body["password"] = json!(PASSWORD);
        let request = alice.request(Method::POST, "/api/v1/me/keys").json(&body);
        let response = alice.send(request).await;
        assert_eq!(response.status, 422, "{body}: {}", response.text);
    }
    let key = new_key(&alice, json!({"name": "x", "scopes": ["read"]})).await;
    let path = format!("/api/v1/me/keys/{}", key["key_id"].as_str().unwrap());
    assert_eq!(bob.delete(&path).await.status, 404);
    assert_eq!(alice.delete("/api/v1/me/keys/x").await.status, 404);
    let list = alice.get("/api/v1/me/keys").await;
    assert_eq!(list.json()["keys"].as_array().unwrap().len(), 1);
    assert!(!list.text.contains("wc_"), "{}", list.text);
}

/// On two instances.
#[tokio::test]
async fn a_revoked_key_loses_its_connections_everywhere_within_two_seconds() {
    let (model, uri, redis) = (ScriptedModel::start(), mongodb_uri(), redis_url());
    let dirs = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let stores = [("MONGODB_URI", uri.as_str()), ("REDIS_URL", redis.as_str())];
    add(&stores, "alice").await;
    let settings = [
        ("AZURE_API_URL", model.url()),
        ("SECRET_KEY", "0123456789abcdef0123456789abcdef"),
        ("AUTH", "required"),
        stores[0],
        stores[1],
    ];
    let one = Process::start(dirs[0].path(), &settings).await;
    let two = Process::start(dirs[1].path(), &settings).await;
    let alice = one.browser();
    assert_eq!(sign_in(&alice, "alice", PASSWORD).await.status, 200);
    let mut own_socket = alice.connect().await;
    let key = new_key(&alice, json!({"name": "x", "scopes": ["read", "chat"]})).await;
    let program = two.browser().with_key(key["secret"].as_str().unwrap());
    let started = program.post("/api/v1/conversations").await.json();
    let id = started["conversation_id"].as_str().unwrap();
    let mut socket = program.connect().await;
    let mut socket_io = SocketIo::connect(&program, Transport::WebSocket).await;
    let answer = model.next_answer();
    let path = format!("/api/v1/conversations/{id}/messages");
    let request = program.request(Method::POST, &path).json(&json!({"message": "long"}));
    let stream = request.header("accept", "text/event-stream").send().await.unwrap();
    answer.send("This is a long ");

    let key_path = format!("/api/v1/me/keys/{}", key["key_id"].as_str().unwrap());
    assert_eq!(alice.delete(&key_path).await.status, 204);
    let revoked_at = Instant::now();

    expect_close(&mut socket).await;
    assert_eq!(socket_io.wait_until_closed().await, 4401);
    let text = timeout(TIMEOUT, stream.text()).await.expect("the stream did not end").unwrap();
    assert!(!text.contains("response_end"), "{text}");
    assert!(revoked_at.elapsed().as_secs() < 2, "{:?}", revoked_at.elapsed());
    assert_eq!(program.get("/api/v1/conversations").await.status, 401);
    own_socket.send("ping", json!({})).await;
    own_socket.expect("pong").await;
}

#[tokio::test]
async fn the_command_line_gives_a_service_account_a_key() {
    let (model, dir) = (ScriptedModel::start(), tempfile::tempdir().unwrap());
    let run = async |arguments: &[&str]| Process::run_in(dir.path(), arguments, &[]).await;

    let user = run(&["user", "add", "reporter", "--service"]).await;
    let scopes = ["--scopes", "read,chat"];
    let added =
        run(&[&["key", "add", "reporter", "--name", "nightly report"][..], &scopes].concat()).await;
    let unknown = run(&[&["key", "add", "nobody", "--name", "x"][..], &scopes].concat()).await;
    let invalid = run(&["key", "add", "reporter", "--name", "x", "--scopes", "all"]).await;
    let list = run(&["key", "list", "reporter"]).await;

    assert!(!user.stdout.contains("password"), "{user:?}");
    assert!(unknown.stderr.contains("Account not found."), "{unknown:?}");
    assert!(invalid.stderr.contains("read, chat, files, export and admin"), "{invalid:?}");
    assert!(list.stdout.contains("nightly report (read,chat), expires: never"), "{list:?}");
    let settings = [("AZURE_API_URL", model.url()), ("AUTH", "required")];
    let mut server = Process::start(dir.path(), &settings).await;
    let program = server.browser().with_key(added.stdout.trim());
    assert_eq!(program.get("/api/v1/me").await.json()["account"]["name"], "reporter");
    server.terminate().await;
    assert!(server.wait_for_exit().await);

    let key_id = list.stdout.split(' ').next().unwrap();
    let revoked = run(&["key", "revoke", "reporter", key_id]).await;
    assert!(revoked.success, "{revoked:?}");
    assert_eq!(run(&["key", "list", "reporter"]).await.stdout, "");
}

#[tokio::test]
async fn a_user_adds_and_revokes_a_limited_number_of_keys_per_hour() {
    let server = AccountServer::start("required").await;
    let (alice, bob) = (server.signed_in("alice").await, server.signed_in("bob").await);
    let add = async |browser: &Browser| {
        let body = json!({"name": "key", "scopes": ["read"], "password": PASSWORD});
        browser.send(browser.request(Method::POST, "/api/v1/me/keys").json(&body)).await
    };
    let revoke = async |key: &Value| {
        let path = format!("/api/v1/me/keys/{}", key["key_id"].as_str().unwrap());
        alice.send(alice.request(Method::DELETE, &path)).await
    };

    for _ in 0..60 {
        let added = add(&alice).await;
        assert_eq!(added.status, 201, "{}", added.text);
        assert_eq!(revoke(&added.json()).await.status, 204);
    }
    let refused = add(&alice).await;

    assert_eq!(refused.status_and_code(), (429, "rate_limited".to_owned()));
    assert!(refused.text.contains("You have changed your API keys too often"), "{}", refused.text);
    assert_eq!(add(&bob).await.status, 201);
}
