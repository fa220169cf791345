//! Requests whose bodies arrive after their access was withdrawn.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use webchat_domain::AccountRole;
use webchat_tests::{Browser, TIMEOUT};

use super::{erase_me, receipt, user_id};
use crate::security::account_server::{AccountServer, PASSWORD, sign_in};

/// A request of which the last byte is missing.
struct HalfSent(TcpStream);

impl HalfSent {
    async fn start(browser: &Browser, method: &str, path: &str, body: &Value) -> Self {
        let (base, body) = (browser.base(), body.to_string());
        let address = format!("{}:{}", base.host_str().unwrap(), base.port().unwrap());
        let mut stream = TcpStream::connect(&address).await.unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nCookie: {}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            browser.cookie(),
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&body.as_bytes()[..body.len() - 1]).await.unwrap();
        Self(stream)
    }

    /// Sends the last byte, after a time in which access ends everywhere. Returns the status.
    async fn finish(mut self) -> String {
        sleep(Duration::from_millis(1_200)).await;
        self.0.write_all(b"}").await.unwrap();
        let mut response = String::new();
        timeout(TIMEOUT, self.0.read_to_string(&mut response)).await.unwrap().unwrap();
        response.split(' ').nth(1).unwrap().to_owned()
    }
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
