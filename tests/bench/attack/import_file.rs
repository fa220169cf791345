//! Conversations that are imported from files in the format of the Flask application.

use serde_json::{Value, json};
use webchat_tests::Browser;

/// Creates a file with one conversation that consists of these texts.
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
    let import = browser.import(flask_file(texts)).await;
    assert_eq!(import["status"], "complete", "{import}");
    let conversations = browser.get("/api/v1/conversations").await.json();
    let conversations = conversations["conversations"].as_array().unwrap();
    let imported = conversations.iter().find(|conversation| conversation["message_count"] != 0);
    imported.unwrap()["conversation_id"].as_str().unwrap().to_owned()
}
