//! A real model, through its real server.

use serde_json::json;
use webchat_tests::TestServer;

#[tokio::test]
async fn the_real_model_answers_piece_by_piece() {
    let server = TestServer::with_real_model().await;
    let (browser, mut socket) = server.socket().await;
    let id = browser.start_conversation().await;

    let data = json!({"message": "Write three sentences about the sea."});
    socket.say("send_message", data).await;
    let events = socket.until("token_usage").await;

    let chunks: Vec<&str> = events.iter().filter_map(|(_, data)| data["chunk"].as_str()).collect();
    assert!(chunks.len() > 5, "{chunks:?}");
    let loaded = browser.get(&format!("/load_conversation/{id}")).await.json();
    assert_eq!(loaded["conversation"][1]["content"], json!(chunks.concat()));
}
