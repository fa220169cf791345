//! Requests whose bodies arrive after their access was withdrawn.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use webchat_domain::AccountRole;
use webchat_tests::{Browser, Response, TIMEOUT};

use super::{erase_me, receipt, user_id};
use crate::security::account_server::{AccountServer, PASSWORD, new_key, sign_in};

const JSON: &str = "application/json";

const FORM: &str = "multipart/form-data; boundary=B";

const FILE: &str = "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"late.txt\"\r\n\r\nlate\r\n--B--";

/// A request of which the last byte is missing.
struct HalfSent {
    stream: TcpStream,
    last: u8,
}

impl HalfSent {
    async fn start(browser: &Browser, method: &str, path: &str, body: &Value) -> Self {
        let access = format!("Cookie: {}", browser.cookie());
        Self::start_with(browser, &access, method, path, JSON, &body.to_string()).await
    }

    async fn start_with(
        browser: &Browser,
        access: &str,
        method: &str,
        path: &str,
        content_type: &str,
        body: &str,
    ) -> Self {
        let (base, length) = (browser.base(), body.len());
        let address = format!("{}:{}", base.host_str().unwrap(), base.port().unwrap());
        let mut stream = TcpStream::connect(&address).await.unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\n{access}\r\nConnection: close\r\n\
             Content-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n"
        );
        let (last, rest) = body.as_bytes().split_last().unwrap();
        stream.write_all(&[head.as_bytes(), rest].concat()).await.unwrap();
        Self { stream, last: *last }
    }

    /// Sends the last byte, after a time in which access ends everywhere. Returns the status.
    async fn finish(mut self) -> String {
        sleep(Duration::from_millis(1_200)).await;
        self.stream.write_all(&[self.last]).await.unwrap();
        let mut response = String::new();
        timeout(TIMEOUT, self.stream.read_to_string(&mut response)).await.unwrap().unwrap();
        response.split(' ').nth(1).unwrap().to_owned()
    }
}

/// A request with a body: the method, the path, the type and the body.
type Request<'a> = (&'a str, String, &'a str, String);

/// Returns a request of each kind that stores something, for each way in which the server reads a body.
fn storing_requests(conversation_id: &str) -> Vec<Request<'static>> {
    let conversation = format!("/api/v1/conversations/{conversation_id}");
    let json = |body: Value| body.to_string();
    let completion = json!({"model": "any", "messages": [{"role": "user", "content": "late"}]});
    vec![
        ("PATCH", "/api/v1/me/settings".to_owned(), JSON, json(json!({"system_prompt": "late"}))),
        ("POST", "/api/v1/conversations".to_owned(), JSON, json(json!({"title": "late"}))),
        ("PATCH", conversation.clone(), JSON, json(json!({"title": "late"}))),
        ("POST", format!("{conversation}/messages"), JSON, json(json!({"message": "late"}))),
        ("POST", format!("{conversation}/files"), FORM, FILE.to_owned()),
        ("POST", "/api/v1/imports".to_owned(), JSON, json(json!([{"title": "late"}]))),
        ("POST", "/v1/chat/completions".to_owned(), JSON, json(completion)),
    ]
}

/// Begins the requests, and returns their statuses if they end after `withdraw`.
async fn statuses(
    browser: &Browser,
    access: &str,
    requests: Vec<Request<'_>>,
    withdraw: impl Future<Output = Response>,
) -> Vec<(String, String)> {
    let mut sent = Vec::new();
    for (method, path, content_type, body) in requests {
        let half = HalfSent::start_with(browser, access, method, &path, content_type, &body).await;
        sent.push((format!("{method} {path} {content_type}"), half));
    }
    sleep(Duration::from_millis(300)).await;
    let withdrawn = withdraw.await;
    assert!(withdrawn.status.is_success(), "{}", withdrawn.text);
    join_all(sent.into_iter().map(async |(name, half)| (name, half.finish().await))).await
}

/// Creates a conversation with the title `before`. Returns its id.
async fn conversation(browser: &Browser) -> String {
    let created = browser.post("/api/v1/conversations").await.json();
    let id = created["conversation_id"].as_str().unwrap().to_owned();
    let title = json!({"title": "before"});
    assert_eq!(browser.patch(&format!("/api/v1/conversations/{id}"), &title).await.status, 200);
    id
}

fn refused(statuses: &[(String, String)]) -> bool {
    statuses.iter().all(|(_, status)| status == "401")
}

#[tokio::test]
async fn a_right_that_is_withdrawn_while_a_body_arrives_is_not_used() {
    let users =
        [("ada", AccountRole::Admin), ("otto", AccountRole::Admin), ("bob", AccountRole::User)];
    let server = AccountServer::with_users(&users, &[("AUTH", "required")]).await;
    let [ada, otto, bob] = [
        server.signed_in("ada").await,
        server.signed_in("otto").await,
        server.signed_in("bob").await,
    ];
    let (ottos, bobs) = (user_id(&ada, "otto").await, user_id(&ada, "bob").await);
    let own = format!("/api/v1/admin/users/{ottos}");
    let backdoor = json!({"name": "backdoor", "role": "admin"});
    let keeps_role =
        HalfSent::start(&otto, "PATCH", &own, &json!({"role": "admin", "disabled": false})).await;
    let adds = HalfSent::start(&otto, "POST", "/api/v1/admin/users", &backdoor).await;
    let settings =
        HalfSent::start(&bob, "PATCH", "/api/v1/me/settings", &json!({"system_prompt": "x"})).await;
    let starts = HalfSent::start(&bob, "POST", "/api/v1/conversations", &json!({})).await;

    for id in [&ottos, &bobs] {
        let path = format!("/api/v1/admin/users/{id}");
        assert_eq!(ada.patch(&path, &json!({"role": "user", "disabled": true})).await.status, 200);
    }

    let (keeps_role, adds, settings, starts) =
        tokio::join!(keeps_role.finish(), adds.finish(), settings.finish(), starts.finish());
    assert_eq!([keeps_role, adds, settings, starts], ["401"; 4]);
    assert_eq!(sign_in(&server.browser(), "otto", PASSWORD).await.status, 403);
    let found = ada.get("/api/v1/admin/users?search=backdoor").await.json();
    assert_eq!(found["users"], json!([]));
}

#[tokio::test]
async fn a_body_that_arrives_after_an_erasure_stores_nothing() {
    let users = [("ada", AccountRole::Admin), ("carol", AccountRole::User)];
    let server = AccountServer::with_users(&users, &[("AUTH", "required")]).await;
    let (ada, carol) = (server.signed_in("ada").await, server.signed_in("carol").await);
    let canary = json!({"system_prompt": "a canary after the erasure"});
    let settings = HalfSent::start(&carol, "PATCH", "/api/v1/me/settings", &canary).await;
    let erased = erase_me(&carol, json!({"password": PASSWORD})).await;
    receipt(&ada, &erased.json()).await;

    assert_eq!(settings.finish().await, "401");
}

#[tokio::test]
async fn no_kind_of_body_is_stored_after_the_access_was_withdrawn() {
    for auth in ["required", "optional"] {
        let users = [("ada", AccountRole::Admin), ("bob", AccountRole::User)];
        let server = AccountServer::with_users(&users, &[("AUTH", auth)]).await;
        let (ada, bob) = (server.signed_in("ada").await, server.browser());
        if auth == "optional" {
            // The cookie keeps the anonymous session, which still gives access.
            bob.post("/api/v1/conversations").await;
        }
        assert_eq!(sign_in(&bob, "bob", PASSWORD).await.status, 200);
        let id = conversation(&bob).await;
        let own = format!("/api/v1/admin/users/{}", user_id(&ada, "bob").await);
        let mut requests = storing_requests(&id);
        let new_key = json!({"name": "late", "scopes": ["read"], "password": PASSWORD});
        let example = json!({"user_prompt": "late", "assistant_response": "late"});
        // A user may send one form at a time.
        requests.retain(|(_, _, content_type, _)| *content_type != FORM);
        requests.extend([
            ("POST", "/api/v1/me/keys".to_owned(), JSON, new_key.to_string()),
            ("POST", "/upload_file".to_owned(), FORM, FILE.to_owned()),
            ("POST", "/add_few_shot_example".to_owned(), JSON, example.to_string()),
        ]);

        let access = format!("Cookie: {}", bob.cookie());
        let disable = json!({"disabled": true});
        let statuses = statuses(&bob, &access, requests, ada.patch(&own, &disable)).await;

        assert!(refused(&statuses), "{auth}: {statuses:?}");
        ada.patch(&own, &json!({"disabled": false})).await;
        let bob = server.signed_in("bob").await;
        let list = bob.get("/api/v1/conversations").await;
        assert!(list.text.contains("before") && !list.text.contains("late"), "{}", list.text);
        let settings = bob.get("/api/v1/me/settings").await.text;
        assert!(!settings.contains("late"), "{settings}");
        assert_eq!(bob.get("/api/v1/me/keys").await.json()["keys"], json!([]));
    }
}

#[tokio::test]
async fn no_kind_of_body_is_stored_after_the_api_key_was_revoked() {
    let server = AccountServer::start("required").await;
    let alice = server.signed_in("alice").await;
    let id = conversation(&alice).await;
    let scopes = json!({"name": "all", "scopes": ["read", "chat", "files", "export"]});
    let key = new_key(&alice, scopes).await;
    let requests = storing_requests(&id);
    let access = format!("Authorization: Bearer {}", key["secret"].as_str().unwrap());
    let path = format!("/api/v1/me/keys/{}", key["key_id"].as_str().unwrap());

    let statuses = statuses(&alice, &access, requests, alice.delete(&path)).await;

    assert!(refused(&statuses), "{statuses:?}");
    let list = alice.get("/api/v1/conversations").await.text;
    assert!(list.contains("before") && !list.contains("late"), "{list}");
}
