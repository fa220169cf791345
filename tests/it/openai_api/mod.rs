//! The OpenAI-compatible API.

mod clients;
mod conversations;
mod errors;
mod reasoning;
mod requests;

use serde_json::{Value, json};
use webchat_domain::AccountRole;
use webchat_tests::{Browser, Response, ScriptedModel};

use crate::security::account_server::{self, AccountServer, PASSWORD, new_key};

const COMPLETIONS: &str = "/v1/chat/completions";

/// A server with accounts, and a program with a key of the user alice.
struct ApiServer {
    accounts: AccountServer,
    /// The page of alice.
    alice: Browser,
    key: String,
    program: Browser,
}

impl ApiServer {
    async fn start(settings: &[(&str, &str)]) -> Self {
        let users = [("alice", AccountRole::User), ("bob", AccountRole::User)];
        let common = [("AUTH", "required"), ("MODEL", "scripted")];
        let accounts = AccountServer::with_users(&users, &[&common, settings].concat()).await;
        let alice = accounts.signed_in("alice").await;
        let key = key(&alice, &["chat"]).await;
        let program = alice.with_key(&key);
        Self { accounts, alice, key, program }
    }

    /// Requests a completion.
    async fn complete(&self, body: &Value) -> Response {
        post(&self.program, body).await
    }
}

/// Adds the user alice, who is then signed in, and returns a key of hers.
async fn sign_up(browser: &Browser) -> String {
    let body = json!({"name": "alice", "password": PASSWORD});
    let added = account_server::post(browser, "sign-up", body).await;
    assert_eq!(added.status, 200, "{}", added.text);
    key(browser, &["chat"]).await
}

/// Makes the model fail to answer the next request, and its retries.
fn fail_next_request(model: &ScriptedModel) {
    for _ in 0..3 {
        drop(model.next_answer());
    }
}

/// Adds a key of the user who is signed in.
async fn key(browser: &Browser, scopes: &[&str]) -> String {
    let key = new_key(browser, json!({"name": "a program", "scopes": scopes})).await;
    key["secret"].as_str().unwrap().to_owned()
}

async fn post(browser: &Browser, body: &Value) -> Response {
    browser.send(browser.request("POST".parse().unwrap(), COMPLETIONS).json(body)).await
}

/// A request with one question.
fn question(text: &str) -> Value {
    json!({"model": "scripted", "messages": [{"role": "user", "content": text}]})
}

/// The status of an error, its code and the field that causes it.
fn error(response: &Response) -> (u16, String, Value) {
    let error = &response.json()["error"];
    assert!(error["message"].is_string() && error["type"].is_string(), "{}", response.text);
    let code = error["code"].as_str().unwrap_or("no code").to_owned();
    (response.status.as_u16(), code, error["param"].clone())
}
