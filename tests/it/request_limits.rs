//! How much one user may ask for.

use reqwest::Method;
use serde_json::json;
use webchat_tests::TestServer;

#[tokio::test]
async fn a_session_that_asks_too_often_is_told_when_to_come_back() {
    let server = TestServer::with(&[("REQUESTS_PER_SECOND", "1")]).await;
    let (browser, other) = (server.browser(), server.browser());
    let program = server.browser();
    browser.start_conversation().await;
    other.start_conversation().await;

    let mut refused = None;
    for _ in 0..20 {
        let answer = browser.get("/api/v1/conversations").await;
        if answer.status == 429 {
            refused = Some(answer);
            break;
        }
    }

    let refused = refused.expect("a refusal");
    assert_eq!(refused.refusal(), (429, "rate_limited".to_owned()));
    assert!((1..=5).contains(&refused.header("retry-after").parse::<u32>().unwrap()));
    assert_eq!(other.get("/api/v1/conversations").await.status, 200);
    assert_eq!(program.get("/api/v1/config").await.status, 200);
    assert_eq!(browser.get(webchat_tests::WEB_ASSET).await.status, 200, "files are not counted");
}

#[tokio::test]
async fn a_user_has_so_many_answers_at_once() {
    let server = TestServer::with(&[("TURNS_PER_USER", "1")]).await;
    let (browser, mut socket) = server.socket().await;
    let (busy, other) = (browser.start_conversation().await, browser.start_conversation().await);
    let answering = server.model.next_answer();
    socket.say("send_message", json!({"conversation_id": busy, "message": "talk"})).await;
    socket.expect("message_accepted").await;
    let ask = || {
        let path = format!("/api/v1/conversations/{other}/messages");
        browser.request(Method::POST, &path).json(&json!({"message": "me too"}))
    };

    let refused = browser.send(ask()).await;
    answering.end();
    socket.until("token_usage").await;

    assert_eq!(refused.refusal(), (429, "too_many_turns".to_owned()));
    assert_eq!(refused.header("retry-after"), "1");
    let mut answered = browser.send(ask()).await;
    // Its place is given back when all of it is done, a moment after the last event.
    while answered.status == 429 {
        answered = browser.send(ask()).await;
    }
    assert_eq!(answered.status, 200);
}
