//! The example application that embeds Webchat as a library.

use reqwest::Method;
use reqwest::header::ORIGIN;
use serde_json::json;
use webchat_tests::{Process, ScriptedModel};

#[tokio::test]
async fn an_application_mounts_webchat_under_a_path() {
    let model = ScriptedModel::start();
    let data = tempfile::tempdir().unwrap();
    let dir = data.path().to_str().unwrap();
    let app = Process::start_example("in_an_app", &[model.url(), "0", dir]).await;
    let browser = app.browser();

    let app_page = browser.get("/").await;
    let started = browser.post("/chat/start_conversation").await.json();
    let mut socket = browser.connect_at("/chat/ws").await;
    let answer = socket.ask(started["conversation_id"].as_str().unwrap(), "hello").await;
    let listed = browser.get("/chat/api/v1/conversations").await.json();
    let unknown = browser.get("/chat/api/v1/nothing").await;
    let polling = "/chat/socket.io/?EIO=4&transport=polling";
    let request = browser.request(Method::GET, polling).header(ORIGIN, "https://evil.example");
    let from_other_origin = browser.send(request).await;

    assert_eq!(app_page.text, "The application's own page.");
    assert_eq!(answer, "You said: hello");
    assert_eq!(listed["conversations"][0]["message_count"], json!(2));
    assert_eq!(unknown.status_and_code(), (404, "not_found".to_owned()));
    assert_eq!(unknown.header("x-content-type-options"), "nosniff");
    assert_eq!(from_other_origin.status, 403, "the origin was not checked");
    assert_eq!(browser.get(polling).await.status, 200);
}
