//! Accounts: who may use the server, signing in and out, and the end of sessions.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::time::timeout;
use uuid::Uuid;
use webchat::UserCommand;
use webchat_tests::{
    Process, ScriptedModel, SocketIo, TIMEOUT, Transport, insert_flask_conversation, mongodb_uri,
    redis_url,
};

use super::account_server::{
    AccountServer, PASSWORD, account, add, expect_close, listed, manage, post, sign_in,
};
use super::isolation::routes;

/// The routes that are the same for everybody. The others need a user who is signed in.
pub(crate) const PUBLIC_ROUTES: [&str; 20] = [
    "GET /",
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",
    "GET /get_config",
    "GET /api/openapi.json",
    "GET /api/docs",
    "GET /admin",
    "GET /api/v1/config",
    "GET /api/v1/me",
    "GET /api/v1/auth/providers",
    "GET /api/v1/auth/oidc/{provider}",
    "GET /api/v1/auth/oidc/{provider}/callback",
    "POST /api/v1/auth/oidc/{provider}/backchannel-logout",
    "POST /api/v1/auth/sign-in",
    "POST /api/v1/auth/sign-up",
    "POST /api/v1/auth/sign-out",
    "POST /api/v1/auth/password",
    // It has no session, and refuses the body.
    "POST /api/v1/imports",
    "POST /upload_file",
];

#[tokio::test]
async fn if_users_must_sign_in_nothing_else_is_possible_without_it() {
    let server = AccountServer::start("required").await;
    let alice = server.signed_in("alice").await;
    let id = alice.start_conversation().await;
    let stranger = server.browser();

    for route in routes().filter(|route| !PUBLIC_ROUTES.contains(&route.as_str())) {
        let (method, path) = route.split_once(' ').unwrap();
        let path = path.split('/').map(|part| if part.starts_with('{') { &*id } else { part });
        let url = path.collect::<Vec<_>>().join("/");
        let request =
            stranger.request(method.parse().unwrap(), &url).json(&json!({"message": "x"}));
        let response = stranger.send(request).await;
        assert_eq!(response.status, 401, "{route}: {}", response.text);
        let body = response.json();
        if route.contains(" /v1/") {
            assert_eq!(body["error"]["code"], "invalid_api_key", "{route}");
        } else {
            assert_eq!(body["code"], "authentication_required", "{route}");
        }
    }
    for path in ["/ws", "/socket.io/?EIO=4&transport=polling"] {
        let response = stranger.get(path).await;
        assert_eq!(response.status, 401, "{path}: {}", response.text);
    }
    assert_eq!(stranger.get("/").await.status, 200);
    assert_eq!(account(&stranger).await, Value::Null);
}

#[tokio::test]
async fn a_user_has_the_same_conversations_on_two_devices_and_nobody_else_has() {
    let server = AccountServer::start("required").await;
    let (laptop, phone) = (server.signed_in("alice").await, server.signed_in("Alice").await);
    let bob = server.signed_in("bob").await;

    let id = laptop.start_conversation().await;
    let mut laptop_socket = laptop.connect().await;
    let mut phone_socket = phone.connect().await;
    phone_socket.send("subscribe", json!({"conversation_id": id})).await;
    phone_socket.expect("subscribed").await;
    assert_eq!(laptop_socket.ask(&id, "hello").await, "You said: hello");

    phone_socket.receive_until("response_end").await;
    assert_eq!((listed(&laptop).await, listed(&phone).await, listed(&bob).await), (1, 1, 0));
    assert_eq!(bob.get(&format!("/api/v1/conversations/{id}")).await.status, 404);
}

#[tokio::test]
async fn a_user_who_signs_out_returns_to_the_conversations_of_the_browser() {
    let server = AccountServer::start("optional").await;
    // Somebody has signed in to the account before, so that it adopts nothing.
    server.signed_in("alice").await;
    let browser = server.browser();
    browser.connect().await.ask(&browser.start_conversation().await, "anonymous").await;

    assert_eq!(sign_in(&browser, "alice", PASSWORD).await.status, 200);
    assert_eq!((account(&browser).await, listed(&browser).await), (json!("alice"), 0));
    assert_eq!(browser.post("/api/v1/auth/sign-out").await.status, 204);

    assert_eq!((account(&browser).await, listed(&browser).await), (Value::Null, 1));
}

#[tokio::test]
async fn the_first_sign_in_takes_the_conversations_along_and_the_old_cookie_gives_no_access() {
    let server = AccountServer::start("optional").await;
    let browser = server.browser();
    browser.get("/").await;
    let fresh_cookie = browser.cookie();
    browser.connect().await.ask(&browser.start_conversation().await, "anonymous").await;
    let stored_cookie = browser.cookie();
    let mut socket = browser.connect().await;

    let body = json!({"name": "alice", "password": PASSWORD, "adopt_conversations": true});
    assert_eq!(post(&browser, "sign-in", body).await.status, 200);

    assert_eq!((account(&browser).await, listed(&browser).await), (json!("alice"), 1));
    assert_eq!(listed(&server.signed_in("alice").await).await, 1);
    expect_close(&mut socket).await;
    for cookie in [fresh_cookie, stored_cookie] {
        let thief = browser.with_cookie(&cookie);
        assert_eq!((account(&thief).await, listed(&thief).await), (Value::Null, 0));
        thief.start_conversation().await;
        assert_eq!(listed(&browser).await, 1, "the thief acts as the user");
    }
}

#[tokio::test]
async fn wrong_passwords_are_delayed_and_logged_without_the_password() {
    let server = AccountServer::start("required").await;
    let browser = server.browser();

    for _ in 0..5 {
        let refused = sign_in(&browser, "alice", "a wrong secret").await;
        assert_eq!(refused.status, 401, "{}", refused.text);
        assert_eq!(refused.json()["message"], "The name or the password is wrong.");
    }
    let limited = sign_in(&browser, "alice", PASSWORD).await;
    let elsewhere = browser.with_address(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)));

    assert_eq!(limited.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(limited.headers.contains_key("retry-after"));
    assert_eq!(sign_in(&elsewhere, "alice", PASSWORD).await.status, 200);
    let log = server.process.log();
    assert!(log.contains("sign_in_failed"), "{log}");
    for secret in ["a wrong secret", PASSWORD] {
        assert!(!log.contains(secret), "{log}");
    }
}

#[tokio::test]
async fn bad_credentials_are_refused_with_a_reason() {
    let server = AccountServer::start("required").await;
    let browser = server.browser();
    let marks = format!("a{}", "\u{300}".repeat(10_000));

    for (body, status) in [
        (json!({"name": marks, "password": PASSWORD}), 401),
        (json!({"name": "x".repeat(10_000), "password": PASSWORD}), 401),
        (json!({"name": "", "password": PASSWORD}), 401),
        (json!({"name": "alice", "password": ""}), 422),
        (json!({"name": "alice", "password": "x".repeat(1_025)}), 422),
        (json!({"name": "alice"}), 422),
        (json!({"name": "alice", "password": PASSWORD, "role": "admin"}), 422),
    ] {
        let response = post(&browser, "sign-in", body).await;
        assert_eq!(response.status, status, "{}", response.text);
        assert!(response.text.len() < 1_000, "the response echoes the input");
    }
    let body = json!({"name": "alice", "password": PASSWORD, "new_password": "short"});
    let weak = post(&browser, "password", body).await;
    assert_eq!((weak.status.as_u16(), weak.json()["code"].as_str()), (422, Some("weak_password")));
}

#[tokio::test]
async fn each_sign_in_starts_a_session_and_ends_the_one_before() {
    let server = AccountServer::start("required").await;
    let browser = server.signed_in("alice").await;
    let before = browser.cookie();

    assert_eq!(sign_in(&browser, "alice", PASSWORD).await.status, 200);

    assert_ne!(browser.cookie(), before);
    let now = browser.cookie();
    let renamed = now.replacen("webchat_session", "session_id", 1);
    for (cookie, status) in [(before, 401), (renamed, 401), (now, 200)] {
        let thief = server.browser();
        let request = thief.request(Method::GET, "/api/v1/conversations");
        let response = thief.send(request.header("cookie", &cookie)).await;
        assert_eq!(response.status, status, "{cookie}");
    }
    let sessions = browser.get("/api/v1/me/sessions").await.json();
    assert_eq!(sessions["sessions"].as_array().unwrap().len(), 1, "{sessions}");
}

#[tokio::test]
async fn a_session_can_be_ended_from_another_device() {
    let server = AccountServer::start("required").await;
    let (laptop, phone) = (server.signed_in("alice").await, server.signed_in("alice").await);
    let bob = server.signed_in("bob").await;
    let mut phone_socket = phone.connect().await;
    let mut bobs_socket = bob.connect().await;

    let sessions = laptop.get("/api/v1/me/sessions").await.json();
    let sessions = sessions["sessions"].as_array().unwrap().clone();
    let others: Vec<&Value> =
        sessions.iter().filter(|session| session["is_current"] == false).collect();
    assert_eq!((sessions.len(), others.len()), (2, 1), "{sessions:?}");
    let id = others[0]["session_id"].as_str().unwrap();
    let path = format!("/api/v1/me/sessions/{id}");
    assert_eq!(bob.delete(&path).await.status, 404);
    assert_eq!(laptop.delete(&path).await.status, 204);

    expect_close(&mut phone_socket).await;
    assert_eq!(phone.get("/api/v1/conversations").await.status, 401);
    assert_eq!(listed(&laptop).await, 0);
    bobs_socket.send("ping", json!({})).await;
    bobs_socket.expect("pong").await;
}

#[tokio::test]
async fn if_nobody_can_sign_in_there_is_no_sign_in() {
    let server = AccountServer::start("none").await;
    let browser = server.browser();

    assert_eq!(sign_in(&browser, "alice", PASSWORD).await.status, 404);
    assert_eq!(browser.get("/api/v1/me").await.json()["auth"], "none");
    browser.start_conversation().await;
}

/// On two instances, in the middle of an answer.
#[tokio::test]
async fn a_disabled_user_is_disconnected_everywhere_within_two_seconds() {
    let (model, uri, redis) = (ScriptedModel::start(), mongodb_uri(), redis_url());
    let dirs = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let stores = [("MONGODB_URI", uri.as_str()), ("REDIS_URL", redis.as_str())];
    for name in ["alice", "bob"] {
        add(&stores, name).await;
    }
    let settings = [
        ("AZURE_API_URL", model.url()),
        ("SECRET_KEY", "0123456789abcdef0123456789abcdef"),
        ("AUTH", "required"),
        stores[0],
        stores[1],
    ];
    let one = Process::start(dirs[0].path(), &settings).await;
    let two = Process::start(dirs[1].path(), &settings).await;
    let laptop = one.browser();
    assert_eq!(sign_in(&laptop, "alice", PASSWORD).await.status, 200);
    let phone = two.browser();
    assert_eq!(sign_in(&phone, "alice", PASSWORD).await.status, 200);
    let bob = two.browser();
    assert_eq!(sign_in(&bob, "bob", PASSWORD).await.status, 200);
    let id = laptop.start_conversation().await;
    let mut laptop_socket = laptop.connect().await;
    let mut phone_socket = phone.connect().await;
    let mut phone_socket_io = SocketIo::connect(&phone, Transport::WebSocket).await;
    let mut bobs_socket = bob.connect().await;
    let answer = model.next_answer();
    laptop_socket.send("send_message", json!({"conversation_id": id, "message": "long"})).await;
    answer.send("This is a long ");
    laptop_socket.receive_until("response_chunk").await;
    let events = format!("/api/v1/conversations/{id}/events");
    let request = phone.request(Method::GET, &events).header("accept", "text/event-stream");
    let events = request.send().await.unwrap();

    manage(&stores, UserCommand::Disable("alice".parse().unwrap())).await;
    let disabled_at = Instant::now();

    expect_close(&mut laptop_socket).await;
    expect_close(&mut phone_socket).await;
    assert_eq!(phone_socket_io.wait_until_closed().await, 4401);
    timeout(TIMEOUT, events.text()).await.expect("the stream did not end").unwrap();
    assert!(disabled_at.elapsed() < Duration::from_secs(2), "{:?}", disabled_at.elapsed());
    assert_eq!(laptop.get("/api/v1/conversations").await.status, 401);
    assert_eq!(sign_in(&phone, "alice", PASSWORD).await.json()["code"], "account_disabled");
    bobs_socket.send("ping", json!({})).await;
    bobs_socket.expect("pong").await;
}

#[tokio::test]
async fn the_command_line_adds_lists_and_disables_users() {
    let (model, dir) = (ScriptedModel::start(), tempfile::tempdir().unwrap());
    let run = async |arguments: &[&str]| {
        let arguments = [&["user"], arguments].concat();
        Process::run_in(dir.path(), &arguments, &[]).await
    };

    let added = run(&["add", "Carol", "--admin"]).await;
    let again = run(&["add", "carol"]).await;
    let invalid = run(&["add", "a b"]).await;
    let last_admin = run(&["disable", "carol"]).await;
    let unknown = run(&["disable", "dave"]).await;
    let list = run(&["list"]).await;

    assert!(added.success, "{added:?}");
    assert!(added.stdout.starts_with("added carol (admin), user id: "));
    assert!(again.stderr.contains("There is already an account with this name."), "{again:?}");
    assert!(invalid.stderr.contains("a name must have 1 to 64 letters"), "{invalid:?}");
    assert!(last_admin.stderr.contains("the last administrator"), "{last_admin:?}");
    assert!(unknown.stderr.contains("Account not found."), "{unknown:?}");
    assert!(list.stdout.ends_with(", last sign-in: never\n"), "{list:?}");

    let settings = [("AZURE_API_URL", model.url()), ("AUTH", "required")];
    let server = Process::start(dir.path(), &settings).await;
    let browser = server.browser();
    let password = added.stdout.trim().rsplit(' ').next().unwrap().to_owned();
    let refused = sign_in(&browser, "carol", &password).await;
    assert_eq!(refused.json()["code"], "password_change_required");
    let body = json!({"name": "carol", "password": password, "new_password": PASSWORD});
    assert_eq!(post(&browser, "password", body).await.status, 200);
    assert_eq!(account(&browser).await, "carol");
}

#[tokio::test]
async fn a_user_of_the_flask_application_gets_the_conversations_once() {
    let (model, uri, redis) = (ScriptedModel::start(), mongodb_uri(), redis_url());
    let dir = tempfile::tempdir().unwrap();
    for user in ["alice.smith", "bob.jones"] {
        let (id, messages) = (Uuid::new_v4().to_string(), [("user", user), ("assistant", "Hi")]);
        insert_flask_conversation(&uri, &id, user, &messages).await;
    }
    let stores = [("MONGODB_URI", uri.as_str()), ("REDIS_URL", redis.as_str())];
    let run = async |arguments: &[&str]| {
        let arguments = [&["user"], arguments].concat();
        Process::run_in(dir.path(), &arguments, &stores).await
    };
    assert!(Process::run_in(dir.path(), &["init-db"], &stores).await.success);
    for name in ["alice", "bob"] {
        add(&stores, name).await;
    }

    let adopted = run(&["adopt", "alice", "--legacy-id", "alice.smith"]).await;
    let unknown = run(&["adopt", "bob", "--legacy-id", "bob"]).await;
    let legacy = run(&["legacy"]).await;
    let taken = run(&["adopt", "bob", "--legacy-id", "alice.smith"]).await;
    let again = run(&["adopt", "alice", "--legacy-id", "bob.jones"]).await;

    assert!(adopted.success, "{adopted:?}");
    assert!(unknown.stderr.contains("no conversations of the user id 'bob'"), "{unknown:?}");
    let users = "'alice.smith': 1 conversation, account: alice\n\
                 'bob.jones': 1 conversation, account: none\n";
    assert_eq!(legacy.stdout, users);
    for refused in [taken, again] {
        assert!(refused.stderr.contains("has been used already"), "{refused:?}");
    }
    let settings = [("AZURE_API_URL", model.url()), ("AUTH", "required"), stores[0], stores[1]];
    let server = Process::start(dir.path(), &settings).await;
    for (name, conversations) in [("alice", 1), ("bob", 0)] {
        let browser = server.browser();
        assert_eq!(sign_in(&browser, name, PASSWORD).await.status, 200);
        assert_eq!(listed(&browser).await, conversations, "{name}");
    }
}

#[tokio::test]
async fn visitors_add_accounts_only_if_the_operator_allows_it() {
    let (model, dirs) = (ScriptedModel::start(), [(); 2].map(|()| tempfile::tempdir().unwrap()));
    let settings = [("AZURE_API_URL", model.url()), ("AUTH", "required")];
    let closed = Process::start(dirs[0].path(), &settings).await;
    let sign_up = [("SIGN_UP", "on"), ("SIGN_UP_DOMAINS", "example.org")];
    let open = Process::start(dirs[1].path(), &[settings, sign_up].concat()).await;
    let body = |name: &str, password: &str| json!({"name": name, "password": password});

    let refused = post(&closed.browser(), "sign-up", body("alice@example.org", PASSWORD)).await;
    assert_eq!(refused.status, 404, "{}", refused.text);
    let browser = open.browser();
    for (name, password, code) in [
        ("alice", PASSWORD, "domain_not_allowed"),
        ("alice@example.org.elsewhere.example", PASSWORD, "domain_not_allowed"),
        ("alice@example.org", "alice@example.org", "weak_password"),
        ("a b@example.org", PASSWORD, "invalid_value"),
    ] {
        let refused = post(&browser, "sign-up", body(name, password)).await;
        assert_eq!(refused.json()["code"], code, "{name}");
    }
    let added = post(&browser, "sign-up", body("Alice@Example.org", PASSWORD)).await;
    assert_eq!(added.json()["role"], "user", "{}", added.text);
    assert_eq!(account(&browser).await, "alice@example.org");
    let again = post(&open.browser(), "sign-up", body("alice@example.org", PASSWORD)).await;
    assert_eq!(again.status_and_code(), (409, "name_taken".to_owned()));
}
