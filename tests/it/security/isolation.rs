//! Access control: every route and every event, requested by the owner, by another user, and by a program
//! without a session.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::json;
use webchat_tests::{Browser, TestServer};

/// Every route of a conversation, with the status that its owner gets.
const CONVERSATION_ROUTES: [(&str, &str, u16); 27] = [
    ("GET", "/load_conversation/{id}", 200),
    ("GET", "/api/v1/conversations/{id}", 200),
    ("GET", "/api/v1/conversations/{id}/messages", 200),
    ("GET", "/api/v1/conversations/{id}/export", 200),
    ("POST", "/api/v1/conversations/{id}/messages", 200),
    ("POST", "/api/v1/conversations/{id}/save", 201),
    ("POST", "/api/v1/conversations/{id}/messages/{message_id}/edit", 404),
    ("POST", "/api/v1/conversations/{id}/messages/{message_id}/regenerate", 404),
    ("POST", "/api/v1/conversations/{id}/messages/{message_id}/continue", 404),
    ("POST", "/api/v1/conversations/{id}/messages/{message_id}/select", 404),
    ("GET", "/api/v1/conversations/{id}/events", 200),
    ("DELETE", "/api/v1/conversations/{id}/turns/{turn_id}", 404),
    ("GET", "/api/v1/conversations/{id}/context", 200),
    ("PATCH", "/api/v1/conversations/{id}/context", 200),
    ("PUT", "/api/v1/conversations/{id}/context/summary", 404),
    ("DELETE", "/api/v1/conversations/{id}/context/summary", 404),
    ("GET", "/api/v1/conversations/{id}/few_shot_examples", 200),
    ("POST", "/api/v1/conversations/{id}/few_shot_examples", 201),
    ("DELETE", "/api/v1/conversations/{id}/few_shot_examples/{example_id}", 404),
    ("POST", "/api/v1/conversations/{id}/files", 202),
    ("GET", "/api/v1/conversations/{id}/files", 200),
    // The tests of files cover another user's requests for an existing file.
    ("GET", "/api/v1/conversations/{id}/files/{job_id}", 404),
    ("DELETE", "/api/v1/conversations/{id}/files/{job_id}", 404),
    ("POST", "/api/v1/conversations/{id}/files/{job_id}/retry", 404),
    ("POST", "/api/v1/conversations/{id}/reset", 204),
    ("PATCH", "/api/v1/conversations/{id}", 200),
    ("DELETE", "/api/v1/conversations/{id}", 204),
];

/// Every other route. Their responses contain only data of the caller.
const CALLER_ROUTES: [(&str, &str); 45] = [
    ("GET", "/"),
    ("POST", "/start_conversation"),
    ("GET", "/list_conversations"),
    ("POST", "/add_few_shot_example"),
    ("GET", "/get_config"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("POST", "/reset_conversation"),
    ("POST", "/upload_file"),
    ("POST", "/save_history"),
    // The tests of the Flask API cover another user's requests for a saved file.
    ("GET", "/saved_conversations/{file}"),
    ("GET", "/search_conversations"),
    ("GET", "/api/v1/search"),
    ("GET", "/metrics"),
    ("GET", "/api/openapi.json"),
    ("GET", "/api/docs"),
    ("GET", "/admin"),
    ("GET", "/api/v1/config"),
    // The tests of models cover what other groups get.
    ("GET", "/api/v1/models"),
    // The tests of user settings cover the settings of another user.
    ("GET", "/api/v1/me/settings"),
    ("PATCH", "/api/v1/me/settings"),
    // The tests of accounts cover the sessions of another user.
    ("GET", "/api/v1/me"),
    ("GET", "/api/v1/me/sessions"),
    ("DELETE", "/api/v1/me/sessions"),
    ("DELETE", "/api/v1/me/sessions/{session_id}"),
    // The tests of API keys cover the keys of another user.
    ("GET", "/api/v1/me/keys"),
    ("POST", "/api/v1/me/keys"),
    ("DELETE", "/api/v1/me/keys/{key_id}"),
    // The tests of identity providers cover what others get.
    ("GET", "/api/v1/auth/providers"),
    ("GET", "/api/v1/auth/oidc/{provider}"),
    ("GET", "/api/v1/auth/oidc/{provider}/callback"),
    ("POST", "/api/v1/auth/oidc/{provider}/backchannel-logout"),
    ("POST", "/api/v1/auth/sign-in"),
    ("POST", "/api/v1/auth/sign-up"),
    ("POST", "/api/v1/auth/sign-out"),
    ("POST", "/api/v1/auth/password"),
    ("GET", "/api/v1/conversations"),
    ("POST", "/api/v1/conversations"),
    // The tests of erasures cover who is erased.
    ("POST", "/api/v1/me/erasure"),
    ("GET", "/api/v1/export"),
    ("POST", "/api/v1/imports"),
    // The tests of imports cover another user's requests for an import.
    ("GET", "/api/v1/imports/{import_id}"),
    // The tests of the OpenAI-compatible API cover another user's conversation.
    ("GET", "/v1/models"),
    ("GET", "/v1/models/{id}"),
    ("POST", "/v1/chat/completions"),
];

/// Who may use a route of the admin area.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needed {
    Auditor,
    Admin,
}

/// Every route of the admin area, with who may use it. The tests of the admin area request each of them.
pub(crate) const ADMIN_ROUTES: [(&str, &str, Needed); 19] = [
    ("GET", "/api/v1/admin/users", Needed::Auditor),
    ("POST", "/api/v1/admin/users", Needed::Admin),
    ("GET", "/api/v1/admin/users/{user_id}", Needed::Auditor),
    ("PATCH", "/api/v1/admin/users/{user_id}", Needed::Admin),
    ("DELETE", "/api/v1/admin/users/{user_id}", Needed::Admin),
    ("POST", "/api/v1/admin/users/{user_id}/password", Needed::Admin),
    ("DELETE", "/api/v1/admin/users/{user_id}/sessions", Needed::Admin),
    ("DELETE", "/api/v1/admin/users/{user_id}/sessions/{session_id}", Needed::Admin),
    ("DELETE", "/api/v1/admin/users/{user_id}/keys/{key_id}", Needed::Admin),
    ("PATCH", "/api/v1/admin/users/{user_id}/groups", Needed::Admin),
    ("POST", "/api/v1/admin/users/{user_id}/conversations", Needed::Auditor),
    ("POST", "/api/v1/admin/users/{user_id}/conversations/{id}/messages", Needed::Auditor),
    ("POST", "/api/v1/admin/users/{user_id}/export", Needed::Admin),
    ("GET", "/api/v1/admin/groups", Needed::Auditor),
    ("GET", "/api/v1/admin/erasures", Needed::Auditor),
    ("GET", "/api/v1/admin/erasures/{erasure_id}", Needed::Auditor),
    ("GET", "/api/v1/admin/audit", Needed::Auditor),
    ("GET", "/api/v1/admin/settings", Needed::Auditor),
    ("GET", "/api/v1/admin/models", Needed::Auditor),
];

/// Every route, as `GET /path`.
pub(crate) fn routes() -> impl Iterator<Item = String> {
    let conversation_routes = CONVERSATION_ROUTES.iter().map(|(method, path, _)| (method, path));
    let caller_routes = CALLER_ROUTES.iter().map(|(method, path)| (method, path));
    let admin_routes = ADMIN_ROUTES.iter().map(|(method, path, _)| (method, path));
    let all = conversation_routes.chain(caller_routes).chain(admin_routes);
    all.map(|(method, path)| format!("{method} {path}"))
}

/// Every event that a client sends for a conversation.
const EVENTS: [&str; 7] = [
    "send_message",
    "edit_message",
    "regenerate",
    "continue",
    "select_version",
    "subscribe",
    "stop",
];

/// Sends a valid request to this route, with `id` for each id in its path. Returns the status.
pub(crate) async fn request_status(caller: &Browser, method: &str, path: &str, id: &str) -> u16 {
    let url = ["{id}", "{example_id}", "{job_id}", "{turn_id}", "{message_id}"]
        .iter()
        .fold(path.to_owned(), |path, name| path.replace(name, id));
    if method == "POST" && path.ends_with("/files") {
        return caller.upload(&url, "tides.txt", b"tides").await.status.as_u16();
    }
    let request = caller.request(method.parse().unwrap(), &url);
    let request = match (method, path) {
        ("PATCH", path) if path.ends_with("{id}") => request.json(&json!({"title": "x"})),
        ("PATCH", _) => request.json(&json!({"system_prompt": "x"})),
        ("PUT", _) => request.json(&json!({"text": "x"})),
        ("POST", path) if path.ends_with("/messages") || path.ends_with("/edit") => {
            request.json(&json!({"message": "x"}))
        }
        ("POST", path) if path.ends_with("/me/keys") => {
            request.json(&json!({"name": "x", "scopes": ["read"]}))
        }
        ("POST", path) if path.ends_with("/me/erasure") => request.json(&json!({})),
        ("POST", path) if path.ends_with("/retry") => request.json(&json!({"instructions": "x"})),
        ("POST", _) => request.json(&json!({"user_prompt": "x", "assistant_response": "y"})),
        _ => request,
    };
    // Read only the headers: some responses are endless.
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_conversation_is_accessible_to_its_owner_only() {
    let server = TestServer::start().await;
    let (owner, other, program) = (server.browser(), server.browser(), server.browser());
    other.start_conversation().await;
    let id = owner.start_conversation().await;

    for (method, path, owners_status) in CONVERSATION_ROUTES {
        assert_eq!(
            request_status(&program, method, path, &id).await,
            404,
            "a program: {method} {path}"
        );
        assert_eq!(
            request_status(&other, method, path, &id).await,
            404,
            "another user: {method} {path}"
        );
        assert_eq!(
            request_status(&owner, method, path, &id).await,
            owners_status,
            "the owner: {method} {path}"
        );
    }
}

#[tokio::test]
async fn events_for_another_users_conversation_are_not_found() {
    let server = TestServer::start().await;
    let (owner, mut owner_socket) = server.socket().await;
    let (other, mut other_socket) = server.socket().await;
    other.start_conversation().await;
    // Connecting without a session starts one.
    let mut program_socket = server.browser().connect().await;
    let id = owner.start_conversation().await;
    owner_socket.ask(&id, "my first").await;
    let page = owner.get(&format!("/api/v1/conversations/{id}/messages")).await.json();

    for event in EVENTS {
        let index = usize::from(event != "edit_message");
        let message_id = &page["messages"][index]["message_id"];
        let data = json!({"conversation_id": id, "message_id": message_id, "message": "intruder"});
        for intruder in [&mut other_socket, &mut program_socket] {
            intruder.send(event, data.clone()).await;
            let rejected = intruder.expect("error").await;
            assert_eq!(rejected["code"], json!("conversation_not_found"), "{event}");
        }
    }

    owner_socket.ask(&id, "mine").await;
    other_socket.send("ping", json!({})).await;
    other_socket.expect("pong").await;
    let loaded = owner.get(&format!("/load_conversation/{id}")).await.json();
    assert_eq!(loaded["conversation"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn lists_contain_only_conversations_of_the_user() {
    let server = TestServer::start().await;
    let (owner, other) = (server.browser(), server.browser());
    let id = owner.start_conversation().await;
    owner.connect().await.ask(&id, "mine").await;

    for path in ["/list_conversations", "/api/v1/conversations"] {
        assert_eq!(other.get(path).await.json()["conversations"], json!([]), "{path}");
    }
}

/// A new route must be documented in docs/protocol.md and added to one of the tables above.
#[test]
fn the_access_table_contains_every_documented_route() {
    let protocol = include_str!("../../../docs/protocol.md");
    let mut known: BTreeSet<String> =
        routes().map(|route| route.replacen(" /api/v1", " ", 1)).collect();
    // The tests of events cover the WebSocket.
    known.insert("GET /ws".to_owned());

    let documented: BTreeSet<String> = protocol
        .split('`')
        .skip(1)
        .step_by(2)
        .filter_map(|code| code.split_once(' '))
        .filter(|(method, path)| {
            method
                .parse::<Method>()
                .is_ok_and(|method| method.as_str().chars().all(|c| c.is_ascii_uppercase()))
                && path.starts_with('/')
        })
        .map(|(method, path)| format!("{method} {}", path.split('?').next().unwrap_or(path)))
        .collect();

    assert_eq!(documented, known);
}
