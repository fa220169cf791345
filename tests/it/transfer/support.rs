//! Functions that the tests of exports and imports share.

use std::time::Duration;

use reqwest::{Body, Method};
use serde_json::{Value, json};
use tokio::time::sleep;
use webchat_tests::{Browser, Response};

pub(super) async fn post_import(browser: &Browser, body: impl Into<Body>) -> Response {
    browser.send(browser.request(Method::POST, "/api/v1/imports").body(body)).await
}

/// Imports a file. Returns the final status of the import.
pub(super) async fn import_file(browser: &Browser, file: &str) -> Value {
    let started = post_import(browser, file.to_owned()).await;
    assert_eq!(started.status, 202, "{started:?}");
    wait_for_end(browser, &started.json()).await
}

/// Waits until the import has ended. Returns its final status.
pub(super) async fn wait_for_end(browser: &Browser, import: &Value) -> Value {
    let path = format!("/api/v1/imports/{}", import["import_id"].as_str().unwrap());
    loop {
        let status = browser.get(&path).await.json();
        if status["status"] != json!("running") {
            return status;
        }
        // Stay below the session's request limit.
        sleep(Duration::from_millis(25)).await;
    }
}

/// The status of an import, and its numbers of imported and already existing conversations and of messages.
pub(super) fn counts(import: &Value) -> (&str, u64, u64, u64) {
    let number = |name: &str| import[name].as_u64().unwrap();
    let status = import["status"].as_str().unwrap();
    (status, number("imported"), number("already_there"), number("messages"))
}

pub(super) async fn list(browser: &Browser) -> Vec<Value> {
    let list = browser.get("/api/v1/conversations").await.json();
    list["conversations"].as_array().unwrap().clone()
}

pub(super) async fn contents(browser: &Browser, conversation: &Value) -> Vec<String> {
    let id = conversation["conversation_id"].as_str().unwrap();
    let page = browser.get(&format!("/api/v1/conversations/{id}/messages")).await.json();
    let messages = page["messages"].as_array().unwrap().iter();
    messages.map(|message| message["content"].as_str().unwrap().to_owned()).collect()
}

/// Replaces the ids in the file by numbers, so that files can be compared whose ids differ.
pub(super) fn with_numbered_ids(file: &str) -> String {
    let mut text = file.to_owned();
    let ids = file.split('"').filter(|part| uuid::Uuid::try_parse(part).is_ok());
    let mut known: Vec<&str> = Vec::new();
    for id in ids.filter(|id| id.len() == 36) {
        if !known.contains(&id) {
            known.push(id);
            text = text.replace(id, &format!("#{}", known.len()));
        }
    }
    text
}

pub(super) const CHATGPT: &str = include_str!("../../fixtures/chatgpt-conversations.json");
