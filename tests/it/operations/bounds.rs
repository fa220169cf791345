//! Bounds on answers of the model, and on their cost.

use reqwest::Method;
use serde_json::{Value, json};
use webchat_tests::{Browser, Response, ScriptedModel, TestServer, mongodb_uri};

/// A small maximum length of an answer, and the size of its text.
const SHORT_ANSWERS: (&str, &str) = ("REPLY_TOKENS", "800");
const MAX_ANSWER_BYTES: usize = 800 * 8 + 16 * 1024;

async fn ask(browser: &Browser, id: &str) -> Response {
    let path = format!("/api/v1/conversations/{id}/messages");
    let request = browser.request(Method::POST, &path);
    browser.send(request.json(&json!({"message": "Why are there tides?"}))).await
}

async fn newest_message(browser: &Browser, id: &str) -> Value {
    let page = browser.get(&format!("/api/v1/conversations/{id}/messages")).await.json();
    page["messages"].as_array().unwrap().last().unwrap().clone()
}

#[tokio::test]
async fn an_endless_answer_is_truncated_and_saved_in_both_stores() {
    let uri = mongodb_uri();
    for settings in [vec![SHORT_ANSWERS], vec![SHORT_ANSWERS, ("MONGODB_URI", uri.as_str())]] {
        let server = TestServer::with_settings(&settings).await;
        let browser = server.browser();
        let id = browser.start_conversation().await;
        let endless = server.model.next_answer();
        (0..100_000).for_each(|_| endless.send("tide "));

        let turn = ask(&browser, &id).await.json();
        endless.wait_for_disconnect().await;

        assert_eq!(turn["finish_reason"], "length");
        assert_eq!(turn["error"]["code"], "answer_too_long");
        let stored = newest_message(&browser, &id).await;
        assert_eq!(stored["status"], "truncated");
        let text = stored["content"].as_str().unwrap();
        assert_eq!(text.len(), MAX_ANSWER_BYTES);
        assert_eq!(turn["answer"]["content"], text);
        let mut socket = browser.connect().await;
        socket.ask(&id, "And now?").await;
    }
}

#[tokio::test]
async fn a_turn_ends_after_the_maximum_time_if_the_model_sends_no_text() {
    let server = TestServer::with_settings(&[("LLM_MAX_TURN_S", "2")]).await;
    let browser = server.browser();
    let id = browser.start_conversation().await;
    let answer = server.model.next_answer();
    answer.send("tide");

    let (turn, ()) = tokio::join!(ask(&browser, &id), async {
        // Each empty delta resets the timeout between chunks.
        for _ in 0..20 {
            answer.send("");
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        answer.wait_for_disconnect().await;
    });

    let turn = turn.json();
    assert_eq!(
        (&turn["finish_reason"], &turn["error"]["code"]),
        (&json!("length"), &json!("turn_too_long"))
    );
    assert_eq!(newest_message(&browser, &id).await["content"], "tide");
}

#[tokio::test]
async fn a_question_in_a_huge_imported_conversation_takes_five_model_requests() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let text = "The moon and the sun raise the tides of the sea. ".repeat(2_000);
    let message = |number: usize| {
        let role = ["user", "assistant"][number % 2];
        json!({"role": role, "content": format!("{number} {text}")})
    };
    let messages: Vec<Value> = (0..80).map(message).collect();
    browser.import(Value::from(messages).to_string()).await;
    let list = browser.get("/api/v1/conversations").await.json();
    let id = list["conversations"][0]["conversation_id"].as_str().unwrap().to_owned();

    for _ in 0..5 {
        let answer = server.model.next_answer();
        answer.send("The tides follow the moon.");
        answer.finish();
    }
    let first = ask(&browser, &id).await;
    let requests = server.model.requests().len();
    ask(&browser, &id).await;

    assert_eq!((first.status.as_u16(), requests), (200, 5));
    assert_eq!(server.model.requests().len(), 6);
    let context = browser.get(&format!("/api/v1/conversations/{id}/context")).await.json();
    let summary = context["summary"]["text"].as_str().unwrap();
    assert!(summary.starts_with("[The oldest "), "{summary}");
    assert_eq!(first.json()["ledger"]["left_out_messages"], 0);
}

#[tokio::test]
async fn a_message_over_a_daily_token_budget_is_rejected_before_any_model_request() {
    for setting in ["DAILY_TOKENS_PER_USER", "DAILY_TOKENS_PER_ADDRESS", "DAILY_TOKENS"] {
        let server = TestServer::with_settings(&[(setting, "700"), SHORT_ANSWERS]).await;
        let browser = server.browser();
        let id = browser.start_conversation().await;

        let rejected = ask(&browser, &id).await;
        let mut socket = browser.connect().await;
        socket.send("send_message", json!({"conversation_id": id, "message": "Why?"})).await;
        let error = socket.expect("error").await;

        assert_eq!(rejected.status_and_code(), (429, "token_budget_exceeded".to_owned()));
        let retry_after: u64 = rejected.header("retry-after").parse().unwrap();
        assert!((1..=24 * 60 * 60).contains(&retry_after), "{retry_after}");
        let message = rejected.json()["message"].as_str().unwrap().to_owned();
        assert!(message.contains(setting) && message.contains("00:00 UTC"), "{message}");
        assert_eq!(error["code"], "token_budget_exceeded");
        assert_eq!(server.model.requests(), [json!(null); 0]);
    }
}

#[tokio::test]
async fn all_users_of_an_address_share_its_token_budget() {
    let settings = [("DAILY_TOKENS_PER_ADDRESS", "1000"), SHORT_ANSWERS];
    let server = TestServer::with_model(ScriptedModel::start(), &settings).await;
    let (browser, other) = (server.browser(), server.browser());
    let (id, other_id) = (browser.start_conversation().await, other.start_conversation().await);
    let endless = server.model.next_answer();
    endless.send("tide");
    let mut socket = browser.connect().await;
    socket.send("send_message", json!({"conversation_id": id, "message": "Why?"})).await;
    socket.receive_until("message_accepted").await;

    let during_reservation = ask(&other, &other_id).await;
    endless.finish();
    socket.receive_until("token_usage").await;
    let after_settlement = ask(&other, &other_id).await;

    assert_eq!(during_reservation.status_and_code(), (429, "token_budget_exceeded".to_owned()));
    assert_eq!(after_settlement.status, 200);
}
