//! Answers of a real model, and the difference between its token counts and Webchat's.

use serde_json::json;
use webchat_tests::TestServer;

#[tokio::test]
async fn the_real_model_streams_its_answer() {
    let server = TestServer::with_real_model(&[]).await;
    let (browser, mut socket) = server.socket().await;
    let id = browser.start_conversation().await;

    let data = json!({"message": "Write three sentences about the sea."});
    socket.send("send_message", data).await;
    let events = socket.receive_until("token_usage").await;

    let chunks: Vec<&str> = events.iter().filter_map(|(_, data)| data["chunk"].as_str()).collect();
    assert!(chunks.len() > 5, "{chunks:?}");
    let loaded = browser.get(&format!("/load_conversation/{id}")).await.json();
    assert_eq!(loaded["conversation"][1]["content"], json!(chunks.concat()));
}

/// Prints the difference, so that the output of the test shows how close the counts are.
#[tokio::test]
async fn the_prompt_token_count_is_close_to_that_of_the_model() {
    let server = TestServer::with_real_model(&[("METRICS", "on")]).await;
    let (browser, mut socket) = server.socket().await;
    let id = browser.start_conversation().await;

    socket.ask(&id, "Name a colour of the sea, in one word.").await;

    let metrics = browser.get("/metrics").await;
    assert_eq!(metrics.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let metric = |name: &str| -> f64 {
        let line = metrics.text.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("{name} is missing: {metrics:?}")).trim().parse().unwrap()
    };
    let difference = metric("webchat_prompt_tokens_difference_sum");
    println!("prompt tokens: the model counts {difference} more than Webchat");
    assert!((-100.0..100.0).contains(&difference), "{difference}");
    assert!(metric("webchat_prompt_tokens_difference_count") > 0.0);
}

#[tokio::test]
async fn metrics_are_disabled_by_default() {
    let server = TestServer::start().await;

    assert_eq!(server.browser().get("/metrics").await.status, 404);
}
