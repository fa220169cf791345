//! Functions that the export and import tests share.

use serde_json::Value;
use webchat_tests::Browser;

/// Returns the status of an import, and its counts of imported and of existing conversations and of messages.
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

/// Replaces the ids in the file by numbers, so that files with different ids can be compared.
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
