//! The reasoning of a model is a part of the answer, but not of its text.

use reqwest::Method;
use serde_json::{Value, json};
use webchat_tests::{Browser, ScriptedAnswer, TestServer};

async fn post(browser: &Browser, path: &str, body: &Value) -> Value {
    let response = browser.send(browser.request(Method::POST, path).json(body)).await;
    assert!(response.status.is_success(), "{response:?}");
    response.json()
}

fn report_reasoning_tokens(answer: &ScriptedAnswer, tokens: u32) {
    let usage = json!({"prompt_tokens": 9, "completion_tokens": 20,
        "completion_tokens_details": {"reasoning_tokens": tokens}});
    answer.send_raw(&format!("data: {}\n\n", json!({"choices": [], "usage": usage})));
}

#[tokio::test]
async fn reasoning_is_returned_beside_the_text_and_not_sent_back_searched_or_exported_as_text() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let id = browser.start_conversation().await;
    let path = format!("/api/v1/conversations/{id}");
    let ask = async |text: &str| {
        post(&browser, &format!("{path}/messages"), &json!({"message": text})).await
    };
    let answer = server.model.next_answer();
    answer.send("<th");
    answer.send("ink>\nMoonlight.\n</think>\n\nBecause.");
    report_reasoning_tokens(&answer, 12);
    answer.finish();

    let turn = ask("Why?").await;
    ask("And now?").await;

    let reasoning = &turn["answer"]["reasoning"];
    assert_eq!(turn["answer"]["content"], "Because.");
    assert_eq!([&reasoning["text"], &reasoning["tokens"]], [&json!("Moonlight."), &json!(12)]);
    assert!(reasoning["duration_ms"].is_u64(), "{reasoning}");
    let page = browser.get(&format!("{path}/messages")).await.json();
    assert_eq!(page["messages"][1]["reasoning"], *reasoning);
    assert_eq!(page["messages"][3]["reasoning"], Value::Null);
    let requests = json!(server.model.requests()).to_string();
    assert!(requests.contains("Because.") && !requests.contains("Moonlight"), "{requests}");
    let found = browser.get("/api/v1/search?q=moonlight").await.json();
    assert_eq!(found["hits"], json!([]), "{found}");
    let markdown = browser.get(&format!("{path}/export?format=markdown")).await.text;
    assert!(markdown.contains("Because.") && !markdown.contains("Moonlight"), "{markdown}");
    let export = browser.get(&format!("{path}/export?format=json")).await;
    let exported: Value = serde_json::from_str(&export.text).unwrap();
    let exported = exported.pointer("/conversations/0/messages/1/reasoning");
    assert_eq!(exported, Some(reasoning));
}

#[tokio::test]
async fn an_answer_that_was_stopped_while_the_model_reasoned_keeps_its_reasoning_and_is_continued()
{
    let server = TestServer::start().await;
    let browser = server.browser();
    let id = browser.start_conversation().await;
    let path = format!("/api/v1/conversations/{id}");
    let mut socket = browser.connect().await;
    let first = server.model.next_answer();
    first.send_reasoning("A sum.");
    socket.send("send_message", json!({"conversation_id": id, "message": "2 + 2?"})).await;
    socket.receive_until("reasoning_chunk").await;
    socket.send("stop", json!({"conversation_id": id})).await;
    let events = socket.receive_until("token_usage").await;
    let stopped = browser.get(&format!("{path}/messages")).await.json()["messages"][1].clone();
    let second = server.model.next_answer();
    second.send_reasoning("Four, then.");
    second.send("4");
    second.finish();

    let answer_id = stopped["message_id"].as_str().unwrap();
    let turn = post(&browser, &format!("{path}/messages/{answer_id}/continue"), &json!({})).await;

    assert_eq!([&stopped["status"], &stopped["content"]], [&json!("stopped"), &json!("")]);
    assert_eq!(stopped["reasoning"]["text"], "A sum.");
    let end = events.iter().find(|(name, _)| name == "response_end").unwrap();
    assert_eq!(end.1["reasoning_ms"], stopped["reasoning"]["duration_ms"]);
    assert!(end.1["reasoning_tokens"].as_u64() > Some(0), "{end:?}");
    let answer = &turn["answer"];
    assert_eq!([&answer["status"], &answer["content"]], [&json!("complete"), &json!("4")]);
    assert_eq!(answer["reasoning"]["text"], "Four, then.");
    let requests = json!(server.model.requests()).to_string();
    assert!(!requests.contains("A sum."), "{requests}");
}

#[tokio::test]
async fn a_client_that_reconnects_while_the_model_reasons_receives_all_of_it() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let id = browser.start_conversation().await;
    let answer = server.model.next_answer();
    answer.send_reasoning("One");
    let mut first = browser.connect().await;
    first.send("send_message", json!({"conversation_id": id, "message": "Count."})).await;
    first.receive_until("reasoning_chunk").await;
    drop(first);
    answer.send_reasoning(" two");

    let mut second = browser.connect().await;
    second.send("subscribe", json!({"conversation_id": id, "after": 0})).await;
    answer.send("3");
    answer.finish();
    let events = second.receive_until("token_usage").await;

    let chunks = |kind: &str| -> String {
        let chunks = events.iter().filter(|(name, _)| name == kind);
        chunks.map(|(_, data)| data["chunk"].as_str().unwrap()).collect()
    };
    assert_eq!([chunks("reasoning_chunk"), chunks("response_chunk")], ["One two", "3"]);
}
