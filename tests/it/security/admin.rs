//! The admin area: who may use it, and what administrators and auditors do there.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use webchat_domain::AccountRole;
use webchat_tests::{Browser, Response};

use super::account_server::{AccountServer, PASSWORD, expect_close, post, sign_in};
use super::isolation::{ADMIN_ROUTES, Needed};

const USERS: [(&str, AccountRole); 4] = [
    ("ada", AccountRole::Admin),
    ("otto", AccountRole::Auditor),
    ("alice", AccountRole::User),
    ("bob", AccountRole::User),
];

const REASON: &str = "request 4711 of alice";

async fn start(settings: &[(&str, &str)]) -> AccountServer {
    AccountServer::with_users(&USERS, &[&[("AUTH", "required")], settings].concat()).await
}

async fn send(browser: &Browser, method: Method, path: &str, body: Value) -> Response {
    let path = format!("/api/v1/admin/{path}");
    browser.send(browser.request(method, &path).json(&body)).await
}

async fn patch(browser: &Browser, user_id: &str, body: Value) -> Response {
    send(browser, Method::PATCH, &format!("users/{user_id}"), body).await
}

async fn user_id(admin: &Browser, name: &str) -> String {
    let list = admin.get(&format!("/api/v1/admin/users?search={name}")).await.json();
    list["users"][0]["user_id"].as_str().unwrap().to_owned()
}

async fn names(reader: &Browser, query: &str) -> Vec<String> {
    let list = reader.get(&format!("/api/v1/admin/users?{query}")).await;
    assert_eq!(list.status, 200, "{}", list.text);
    let users = list.json()["users"].as_array().unwrap().clone();
    users.iter().map(|user| user["name"].as_str().unwrap().to_owned()).collect()
}

async fn key(owner: &Browser, scope: &str) -> Response {
    let body = json!({"name": "a program", "scopes": [scope], "password": PASSWORD});
    owner.send(owner.request(Method::POST, "/api/v1/me/keys").json(&body)).await
}

async fn program(owner: &Browser, scope: &str) -> Browser {
    let added = key(owner, scope).await;
    assert_eq!(added.status, 201, "{}", added.text);
    owner.with_key(added.json()["secret"].as_str().unwrap())
}

/// Sends a valid request to a route of the admin area, about a user who does not exist.
async fn request(caller: &Browser, method: &str, route: &str) -> (u16, String) {
    let absent = "00000000-0000-4000-8000-000000000000";
    let path = route.split('/').map(|part| if part.starts_with('{') { absent } else { part });
    let path = path.collect::<Vec<_>>().join("/");
    let body = match (method, route.rsplit('/').next().unwrap()) {
        ("POST", "users") => json!({"name": "ada", "role": "user"}),
        ("POST", "conversations" | "messages" | "export") => json!({"reason": REASON}),
        _ => json!({}),
    };
    let request = caller.request(method.parse().unwrap(), &path).json(&body);
    caller.send(request).await.status_and_code()
}

#[tokio::test]
async fn each_route_is_only_for_the_roles_and_keys_that_need_it() {
    let server = start(&[("ADMIN_CONVERSATION_ACCESS", "on")]).await;
    let ada = server.signed_in("ada").await;
    let otto = server.signed_in("otto").await;
    let alice = server.signed_in("alice").await;
    let (wide, narrow) = (program(&ada, "admin").await, program(&ada, "chat").await);
    let ended = server.signed_in("ada").await;
    assert_eq!(ended.post("/api/v1/auth/sign-out").await.status, 204);
    // Another administrator, whose rights have gone while the cookie and the keys are still there.
    let added = send(&ada, Method::POST, "users", json!({"name": "eve", "role": "admin"})).await;
    let password = added.json()["one_time_password"].as_str().unwrap().to_owned();
    let eve = server.browser();
    let change = json!({"name": "eve", "password": password, "new_password": PASSWORD});
    assert_eq!(post(&eve, "password", change).await.status, 200);
    let key_of_eve = program(&eve, "admin").await;
    let eve_id = user_id(&ada, "eve").await;
    assert_eq!(key_of_eve.get("/api/v1/admin/users").await.status, 200);
    assert_eq!(patch(&ada, &eve_id, json!({"role": "user"})).await.status, 200);
    let demoted_key = key_of_eve.clone();
    let demoted = server.signed_in("eve").await;

    let forbidden = (403, "forbidden".to_owned());
    let unknown = (401, "authentication_required".to_owned());
    for (method, route, needed) in ADMIN_ROUTES {
        let ask = async |caller: &Browser| request(caller, method, route).await;
        let route = format!("{method} {route}");
        assert_eq!(ask(&server.browser()).await, unknown, "anonymous: {route}");
        assert_eq!(ask(&ended).await, unknown, "ended session: {route}");
        assert_eq!(ask(&eve).await, unknown, "session before the change of the role: {route}");
        assert_eq!(ask(&alice).await, forbidden, "user: {route}");
        assert_eq!(ask(&demoted).await, forbidden, "demoted administrator: {route}");
        assert_eq!(ask(&demoted_key).await, forbidden, "key of the demoted: {route}");
        assert_eq!(ask(&narrow).await, forbidden, "key without the scope: {route}");
        let auditor = ask(&otto).await;
        assert_eq!(auditor == forbidden, needed == Needed::Admin, "auditor: {route}: {auditor:?}");
        for (caller, browser) in [("administrator", &ada), ("key", &wide)] {
            let (status, code) = ask(browser).await;
            assert!(matches!(status, 200 | 404 | 409), "{caller}: {route}: {status} {code}");
        }
    }
    assert_eq!(patch(&ada, &eve_id, json!({"disabled": true})).await.status, 200);
    for (method, route, _) in ADMIN_ROUTES {
        assert_eq!(request(&demoted, method, route).await, unknown, "disabled: {method} {route}");
        assert_eq!(request(&demoted_key, method, route).await.0, 401, "disabled: {method} {route}");
    }
    for owner in [&otto, &alice] {
        assert_eq!(key(owner, "admin").await.status_and_code(), forbidden);
    }
    let log = server.process.log();
    assert_eq!(log.matches("access_refused").count(), 1, "one line a minute: {log}");
}

#[tokio::test]
async fn an_administrator_disables_a_user_in_the_middle_of_an_answer() {
    let server = start(&[]).await;
    let (ada, alice) = (server.signed_in("ada").await, server.signed_in("alice").await);
    let program = program(&alice, "read").await;
    let (mut socket, mut key_socket) = (alice.connect().await, program.connect().await);
    let answer = server.model.next_answer();
    let id = alice.start_conversation().await;
    socket.send("send_message", json!({"conversation_id": id, "message": "long"})).await;
    answer.send("This is a long ");
    socket.receive_until("response_chunk").await;
    let alice_id = user_id(&ada, "alice").await;

    let disabled = patch(&ada, &alice_id, json!({"disabled": true})).await;
    let disabled_at = Instant::now();

    assert_ne!(disabled.json()["disabled_at"], Value::Null, "{}", disabled.text);
    expect_close(&mut socket).await;
    expect_close(&mut key_socket).await;
    assert!(disabled_at.elapsed() < Duration::from_secs(2), "{:?}", disabled_at.elapsed());
    assert_eq!(sign_in(&alice, "alice", PASSWORD).await.json()["code"], "account_disabled");
    assert_eq!(names(&ada, "state=disabled").await, ["alice"]);
    assert_eq!(patch(&ada, &alice_id, json!({"disabled": false})).await.status, 200);
    assert_eq!(sign_in(&alice, "alice", PASSWORD).await.status, 200);
    let log = ada.get("/api/v1/admin/audit?user=alice&action=account_disabled").await.json();
    assert_eq!(log["entries"][0]["actor"]["name"], "ada", "{log}");
    assert_eq!(log["entries"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let server = start(&[]).await;
    let ada = server.signed_in("ada").await;
    let ada_id = user_id(&ada, "ada").await;

    for change in [json!({"role": "auditor"}), json!({"disabled": true})] {
        let refused = patch(&ada, &ada_id, change).await;
        assert_eq!(refused.status_and_code(), (409, "last_admin".to_owned()));
    }
    assert_eq!(names(&ada, "role=admin").await, ["ada"]);
}

#[tokio::test]
async fn a_reset_password_is_shown_once_and_must_be_changed() {
    let server = start(&[]).await;
    let (ada, alice) = (server.signed_in("ada").await, server.signed_in("alice").await);
    let alice_id = user_id(&ada, "alice").await;
    let path = format!("users/{alice_id}/password");

    let weak = send(&ada, Method::POST, &path, json!({"password": "passwordpassword"})).await;
    assert_eq!(weak.json()["code"], "weak_password", "{}", weak.text);
    let own = format!("users/{}/password", user_id(&ada, "ada").await);
    let of_ada = send(&ada, Method::POST, &own, json!({})).await;
    assert_eq!(of_ada.status_and_code(), (400, "invalid_request".to_owned()));
    let reset = send(&ada, Method::POST, &path, json!({})).await;

    let password = reset.json()["one_time_password"].as_str().unwrap().to_owned();
    assert_eq!(alice.get("/api/v1/conversations").await.status, 401);
    let refused = sign_in(&alice, "alice", &password).await;
    assert_eq!(refused.json()["code"], "password_change_required");
    let change =
        json!({"name": "alice", "password": password, "new_password": "four tides a week"});
    assert_eq!(post(&alice, "password", change).await.status, 200);
    let log = server.process.log();
    assert!(!log.contains(&password), "{log}");
}

#[tokio::test]
async fn an_administrator_ends_sessions_and_revokes_keys() {
    let server = start(&[]).await;
    let ada = server.signed_in("ada").await;
    let (laptop, phone) = (server.signed_in("alice").await, server.signed_in("alice").await);
    let program = program(&laptop, "read").await;
    let alice_id = user_id(&ada, "alice").await;
    let details = async || ada.get(&format!("/api/v1/admin/users/{alice_id}")).await;
    let delete =
        async |path: &str| ada.delete(&format!("/api/v1/admin/users/{alice_id}/{path}")).await;

    let seen = details().await;
    assert_eq!(seen.json()["sessions"].as_array().unwrap().len(), 2, "{}", seen.text);
    assert!(!seen.text.contains("wc_") && !seen.text.contains("$argon2"), "{}", seen.text);
    // The phone signed in last.
    let session = seen.json()["sessions"][0]["session_id"].as_str().unwrap().to_owned();
    assert_eq!(delete(&format!("sessions/{session}")).await.status, 204);
    assert_eq!(phone.get("/api/v1/conversations").await.status, 401);
    assert_eq!(laptop.get("/api/v1/conversations").await.status, 200);
    assert_eq!(delete(&format!("sessions/{session}")).await.status, 404);
    assert_eq!(delete("sessions").await.status, 204);
    assert_eq!(laptop.get("/api/v1/conversations").await.status, 401);

    let key = seen.json()["keys"][0]["key_id"].as_str().unwrap().to_owned();
    assert_eq!(program.get("/api/v1/conversations").await.status, 200);
    assert_eq!(delete(&format!("keys/{key}")).await.status, 204);
    assert_eq!(program.get("/api/v1/conversations").await.status, 401);
    assert_eq!(details().await.json()["keys"], json!([]));
}

#[tokio::test]
async fn users_and_audit_entries_are_listed_page_by_page() {
    let server = start(&[]).await;
    let otto = server.signed_in("otto").await;

    assert_eq!(names(&otto, "search=AL").await, ["alice"]);
    assert_eq!(names(&otto, "role=user&state=active").await, ["alice", "bob"]);
    for path in ["users", "audit"] {
        let (mut cursor, mut pages) = (String::new(), 0);
        loop {
            let url = format!("/api/v1/admin/{path}?limit=2&cursor={cursor}");
            let page = otto.get(&url).await;
            assert_eq!(page.status, 200, "{}", page.text);
            let page = page.json();
            pages += 1;
            match page["next_cursor"].as_str() {
                Some(next) => next.clone_into(&mut cursor),
                None => break,
            }
        }
        assert!(pages >= 2, "{path}");
    }
    for query in ["users?limit=101", "users?role=king", "audit?action=x", "audit?from=monday"] {
        let invalid = otto.get(&format!("/api/v1/admin/{query}")).await;
        assert_eq!(invalid.status, 400, "{query}: {}", invalid.text);
    }
}

#[tokio::test]
async fn conversations_are_read_with_a_reason_that_the_audit_log_keeps() {
    let (closed, open) = (start(&[]).await, start(&[("ADMIN_CONVERSATION_ACCESS", "on")]).await);
    let ada = closed.signed_in("ada").await;
    let path = format!("users/{}/conversations", user_id(&ada, "alice").await);
    let refused = send(&ada, Method::POST, &path, json!({"reason": REASON})).await;
    assert_eq!(refused.status_and_code(), (403, "forbidden".to_owned()));
    assert!(refused.text.contains("ADMIN_CONVERSATION_ACCESS"), "{}", refused.text);

    let (ada, otto) = (open.signed_in("ada").await, open.signed_in("otto").await);
    let alice = open.signed_in("alice").await;
    let id = alice.start_conversation().await;
    alice.connect().await.ask(&id, "why tides?").await;
    let alice_id = user_id(&ada, "alice").await;
    let path = format!("users/{alice_id}/conversations");
    for body in [json!({}), json!({"reason": "short"}), json!({"reason": "x".repeat(501)})] {
        assert_eq!(send(&otto, Method::POST, &path, body).await.status, 422);
    }
    let list = send(&otto, Method::POST, &path, json!({"reason": REASON})).await.json();
    assert_eq!(list["conversations"][0]["conversation_id"], json!(id), "{list}");
    let path = format!("{path}/{id}/messages");
    let read = send(&otto, Method::POST, &path, json!({"reason": REASON})).await.json();
    assert_eq!(read["messages"][0]["content"], "why tides?", "{read}");
    let details = otto.get(&format!("/api/v1/admin/users/{alice_id}")).await.json();
    assert_eq!(details["conversation_count"], 1, "{details}");
    let path = format!("users/{alice_id}/export");
    let export = send(&ada, Method::POST, &path, json!({"reason": REASON})).await;
    assert!(export.text.contains("why tides?"), "{}", export.text);
    let bob_id = user_id(&ada, "bob").await;
    let path = format!("users/{bob_id}/conversations/{id}/messages");
    let other = send(&otto, Method::POST, &path, json!({"reason": REASON})).await;
    assert_eq!(other.status, 404, "{}", other.text);

    let log = ada.get("/api/v1/admin/audit?user=alice").await;
    let entries = log.json()["entries"].as_array().unwrap().clone();
    let recorded: Vec<_> = entries
        .iter()
        .filter(|entry| entry["details"]["reason"] == REASON)
        .map(|entry| (entry["action"].as_str().unwrap(), entry["actor"]["name"].as_str().unwrap()))
        .collect();
    let expected = [
        ("account_exported", "ada"),
        ("conversation_read", "otto"),
        ("conversations_listed", "otto"),
    ];
    assert_eq!(recorded, expected, "{}", log.text);
    assert!(!log.text.contains("why tides?"), "{}", log.text);
}

#[tokio::test]
async fn settings_are_shown_with_their_sources_and_without_secrets() {
    const SECRET: &str = "an-inherited-secret-of-the-metrics";
    let server =
        start(&[("METRICS", "on"), ("METRICS_TOKEN", SECRET), ("SIGN_IN_IDLE_DAYS", "9")]).await;
    let otto = server.signed_in("otto").await;

    let settings = otto.get("/api/v1/admin/settings").await;

    assert!(!settings.text.contains(SECRET), "{}", settings.text);
    let sections = settings.json()["sections"].as_array().unwrap().clone();
    let find = |variable: &str| {
        let mut all = sections.iter().flat_map(|section| section["settings"].as_array().unwrap());
        all.find(|setting| setting["variable"] == variable).unwrap().clone()
    };
    let expected = [
        ("SIGN_IN_IDLE_DAYS", json!(9), json!("the environment")),
        ("METRICS_TOKEN", Value::Null, json!("the environment")),
        ("SIGN_UP", json!(false), json!("default")),
        ("METRICS_ADDR", Value::Null, Value::Null),
    ];
    for (variable, value, source) in expected {
        let setting = find(variable);
        assert_eq!((&setting["value"], &setting["source"]), (&value, &source), "{variable}");
    }
}
