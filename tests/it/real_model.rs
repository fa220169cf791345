//! A real model, through its real server.

use serde_json::json;
use webchat_tests::TestServer;

#[tokio::test]
async fn the_real_model_answers_piece_by_piece() {
    let server = TestServer::with_real_model(&[]).await;
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

/// Printed, so that the report of a test run shows how far our count is from the model's own.
#[tokio::test]
async fn our_count_of_a_prompt_is_held_against_the_models_own() {
    let server = TestServer::with_real_model(&[("METRICS", "on")]).await;
    let (browser, mut socket) = server.socket().await;
    let id = browser.start_conversation().await;

    socket.ask(&id, "Name a colour of the sea, in one word.").await;

    let metrics = browser.get("/metrics").await;
    assert_eq!(metrics.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let figure = |name: &str| -> f64 {
        let line = metrics.text.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("{name} is missing: {metrics:?}")).trim().parse().unwrap()
    };
    let difference = figure("webchat_prompt_tokens_difference_sum");
    println!("prompt tokens: the model counts {difference} more than we do");
    assert!((-100.0..100.0).contains(&difference), "{difference}");
    assert!(figure("webchat_prompt_tokens_difference_count") > 0.0);
}

#[tokio::test]
async fn figures_are_shown_to_nobody_unless_they_are_switched_on() {
    let server = TestServer::start().await;

    assert_eq!(server.browser().get("/metrics").await.status, 404);
}
