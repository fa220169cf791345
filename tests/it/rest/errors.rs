//! Error responses.

use std::fs;

use serde_json::json;
use webchat_tests::TestServer;

#[tokio::test]
async fn every_error_has_a_message_a_code_and_a_request_id() {
    let server = TestServer::start().await;
    let browser = server.browser();

    for path in
        ["/load_conversation/x", "/nothing", "/api/v1/conversations?limit=0", "/start_conversation"]
    {
        let response = browser.get(path).await;
        let body = response.json();
        assert!(response.status.is_client_error());
        assert!(
            body["message"].as_str().is_some_and(|message| !message.is_empty()),
            "{response:?}"
        );
        assert!(body["code"].is_string());
        assert_eq!(body["request_id"], json!(response.header("x-request-id")));
        assert_eq!(response.header("content-type"), "application/json");
    }
    assert_eq!(browser.get("/start_conversation").await.header("allow"), "POST");
}

#[tokio::test]
async fn a_store_error_does_not_reveal_its_cause() {
    let server = TestServer::start().await;
    let browser = server.browser();
    browser.start_conversation().await;
    let file = server.dir.path().join("data/webchat.db");
    // Overwrite the database while the server runs.
    let garbage = vec![0x5a; fs::metadata(&file).unwrap().len().try_into().unwrap()];
    fs::write(&file, garbage).unwrap();
    fs::write(file.with_extension("db-wal"), "").unwrap();

    let response = browser.post("/start_conversation").await;

    assert!(response.status.is_server_error(), "{response:?}");
    let message = response.json()["message"].as_str().unwrap().to_lowercase();
    assert!(!message.contains("sql") && !message.contains("database"), "{message}");
}
