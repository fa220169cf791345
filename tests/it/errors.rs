//! What every error has.

use std::fs;

use serde_json::json;
use webchat_tests::TestServer;

#[tokio::test]
async fn every_error_says_what_and_names_its_request() {
    let server = TestServer::start().await;
    let browser = server.browser();

    for path in
        ["/load_conversation/x", "/nothing", "/api/v1/conversations?limit=0", "/start_conversation"]
    {
        let answer = browser.get(path).await;
        let body = answer.json();
        assert!(answer.status.is_client_error());
        assert!(body["message"].as_str().is_some_and(|message| !message.is_empty()), "{answer:?}");
        assert!(body["code"].is_string());
        assert_eq!(body["request_id"], json!(answer.header("x-request-id")));
        assert_eq!(answer.header("content-type"), "application/json");
    }
    assert_eq!(browser.get("/start_conversation").await.header("allow"), "POST");
}

#[tokio::test]
async fn a_fault_of_the_stores_shows_no_cause() {
    let server = TestServer::start().await;
    let browser = server.browser();
    browser.start_conversation().await;
    let file = server.folder.path().join("data/webchat.db");
    // The tables are gone under the server.
    let garbage = vec![0x5a; fs::metadata(&file).unwrap().len().try_into().unwrap()];
    fs::write(&file, garbage).unwrap();
    fs::write(file.with_extension("db-wal"), "").unwrap();

    let answer = browser.post("/start_conversation").await;

    assert!(answer.status.is_server_error(), "{answer:?}");
    let message = answer.json()["message"].as_str().unwrap().to_lowercase();
    assert!(!message.contains("sql") && !message.contains("database"), "{message}");
}
