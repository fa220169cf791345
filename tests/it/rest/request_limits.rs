//! The limits on requests and turns per user.

use reqwest::Method;
use serde_json::json;
use webchat_tests::TestServer;

#[tokio::test]
async fn a_request_over_the_limit_of_the_session_returns_429_with_retry_after() {
    let server = TestServer::with_settings(&[("REQUESTS_PER_SECOND", "1")]).await;
    let (browser, other) = (server.browser(), server.browser());
    let without_session = server.browser();
    browser.start_conversation().await;
    other.start_conversation().await;

    let mut rejected = None;
    for _ in 0..20 {
        let response = browser.get("/api/v1/conversations").await;
        if response.status == 429 {
            rejected = Some(response);
            break;
        }
    }

    let rejected = rejected.expect("no request was rejected");
    assert_eq!(rejected.status_and_code(), (429, "rate_limited".to_owned()));
    assert!((1..=5).contains(&rejected.header("retry-after").parse::<u32>().unwrap()));
    assert_eq!(other.get("/api/v1/conversations").await.status, 200);
    assert_eq!(without_session.get("/api/v1/config").await.status, 200);
    assert_eq!(
        browser.get(webchat_tests::WEB_ASSET).await.status,
        200,
        "static files count towards the limit"
    );
}

#[tokio::test]
async fn a_message_over_the_turn_limit_returns_429_with_retry_after() {
    let server = TestServer::with_settings(&[("TURNS_PER_USER", "1")]).await;
    let (browser, mut socket) = server.socket().await;
    let (busy, other) = (browser.start_conversation().await, browser.start_conversation().await);
    let answer = server.model.next_answer();
    socket.send("send_message", json!({"conversation_id": busy, "message": "talk"})).await;
    socket.expect("message_accepted").await;
    let ask = || {
        let path = format!("/api/v1/conversations/{other}/messages");
        browser.request(Method::POST, &path).json(&json!({"message": "me too"}))
    };

    let rejected = browser.send(ask()).await;
    answer.send("tide");
    answer.finish();
    socket.receive_until("token_usage").await;

    assert_eq!(rejected.status_and_code(), (429, "too_many_turns".to_owned()));
    assert_eq!(rejected.header("retry-after"), "1");
    let mut accepted = browser.send(ask()).await;
    // The turn's permit is released shortly after its last event.
    while accepted.status == 429 {
        accepted = browser.send(ask()).await;
    }
    assert_eq!(accepted.status, 200);
}
