//! Conversations that are imported before the measurement.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::sleep;
use webchat_tests::Browser;

/// A file in the format of the Flask application: one conversation with these texts.
pub(super) fn flask_file(texts: impl IntoIterator<Item = String>) -> String {
    let messages: Vec<Value> =
        texts.into_iter().map(|text| json!({"role": "user", "content": text})).collect();
    Value::from(messages).to_string()
}

/// Imports a conversation with these texts and waits until it is stored. Returns its id.
pub(super) async fn import_conversation(
    browser: &Browser,
    texts: impl IntoIterator<Item = String>,
) -> String {
    let request = browser.request(Method::POST, "/api/v1/imports").body(flask_file(texts));
    let response = browser.send(request).await;
    assert_eq!(response.status, 202, "{response:?}");
    let path = format!("/api/v1/imports/{}", response.json()["import_id"].as_str().unwrap());
    let import = loop {
        let import = browser.get(&path).await.json();
        if import["status"] != "running" {
            break import;
        }
        sleep(Duration::from_millis(200)).await;
    };
    assert_eq!(import["status"], "complete", "{import}");
    let conversations = browser.get("/api/v1/conversations").await.json();
    let conversations = conversations["conversations"].as_array().unwrap();
    let imported = conversations.iter().find(|conversation| conversation["message_count"] != 0);
    imported.unwrap()["conversation_id"].as_str().unwrap().to_owned()
}
