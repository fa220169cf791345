//! A conversation's context: system prompt, parameters, examples and summary.

use reqwest::Method;
use serde_json::{Value, json};
use webchat_tests::{Browser, TestServer};

async fn put(browser: &Browser, path: &str, body: &Value) -> webchat_tests::Response {
    browser.send(browser.request(Method::PUT, path).json(body)).await
}

async fn post(browser: &Browser, path: &str, body: &Value) -> webchat_tests::Response {
    browser.send(browser.request(Method::POST, path).json(body)).await
}

fn contents(request: &Value) -> Vec<&str> {
    let messages = request["messages"].as_array().unwrap();
    messages.iter().map(|message| message["content"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_context_is_stored_returned_and_sent_to_the_model() {
    let server = TestServer::with_settings(&[("SYSTEM_PROMPT", "Be kind.")]).await;
    let (browser, mut socket) = server.socket().await;
    let id = browser.start_conversation().await;
    let context = format!("/api/v1/conversations/{id}/context");
    let examples = format!("/api/v1/conversations/{id}/few_shot_examples");

    let pair = json!({"user_prompt": "1 + 1?", "assistant_response": "2."});
    let added = post(&browser, &examples, &pair).await;
    socket.ask(&id, "with the default").await;
    let changes = json!({"system_prompt": "Be brief.", "parameters": {"temperature": 0.5}});
    let response = browser.patch(&context, &changes).await;
    socket.ask(&id, "with its own prompt").await;
    let without_prompt = browser.patch(&context, &json!({"system_prompt": null})).await.json();
    let example = format!("{examples}/{}", added.json()["example_id"].as_str().unwrap());
    let removed = browser.delete(&example).await;

    assert_eq!((added.status.as_u16(), response.status.as_u16()), (201, 200));
    let requests = server.model.requests();
    assert_eq!(contents(&requests[0]), ["Be kind.", "1 + 1?", "2.", "with the default"]);
    assert_eq!(requests[0]["temperature"], Value::Null);
    assert_eq!(contents(&requests[1])[0], "Be brief.");
    assert_eq!(requests[1]["temperature"], json!(0.5));
    let context = response.json();
    assert_eq!(context["system_prompt"], json!({"text": "Be brief.", "token_count": 3}));
    assert_eq!(context["few_shot_examples"][0]["assistant_response"], json!("2."));
    assert_eq!(context["ledger"]["system"], json!(7));
    assert_eq!(without_prompt["system_prompt"], Value::Null);
    assert_eq!(
        without_prompt["parameters"],
        json!({"temperature": 0.5}),
        "a field that is not in the request was changed"
    );
    assert_eq!(removed.status, 204);
    assert_eq!(browser.get(&examples).await.json(), json!({"few_shot_examples": []}));
}

#[tokio::test]
async fn a_long_conversation_is_summarised_and_the_summary_can_be_replaced_and_deleted() {
    let server =
        TestServer::with_settings(&[("MAX_TOKENS", "1800"), ("REPLY_TOKENS", "800")]).await;
    let (browser, mut socket) = server.socket().await;
    let id = browser.start_conversation().await;
    let context = format!("/api/v1/conversations/{id}/context");

    // The model echoes the last message of a request. Its summary therefore repeats the beginning of the messages.
    socket.ask(&id, &"tide ".repeat(390)).await;
    let change = socket.receive_until("conversation_updated").await.pop().unwrap().1;
    let summarised = browser.get(&context).await.json();
    let replaced = put(&browser, &format!("{context}/summary"), &json!({"text": "Tides."})).await;
    socket.ask(&id, "And now?").await;
    let removed = browser.delete(&format!("{context}/summary")).await;
    let removed_again = browser.delete(&format!("{context}/summary")).await;

    assert_eq!((&change["change"], &change["summary_through"]), (&json!("compacted"), &json!(2)));
    assert_eq!(summarised["summary"]["author"], json!("model"));
    assert_eq!(summarised["summary"]["message_count"], json!(2));
    assert_eq!(summarised["ledger"]["summary_through"], json!(2));
    assert_eq!(replaced.json()["summary"]["text"], json!("Tides."));
    assert_eq!(replaced.json()["summary"]["author"], json!("user"));
    let request = server.model.requests().pop().unwrap();
    assert_eq!(contents(&request), ["Summary of the conversation so far:\nTides.", "And now?"]);
    assert_eq!(removed.status, 204);
    assert_eq!(removed_again.status_and_code(), (404, "no_summary".to_owned()));
    let messages = browser.get(&format!("/api/v1/conversations/{id}/messages")).await.json();
    assert_eq!(
        messages["messages"].as_array().unwrap().len(),
        4,
        "the compaction deleted messages"
    );
}

#[tokio::test]
async fn an_invalid_change_is_rejected_with_a_reason() {
    let server =
        TestServer::with_settings(&[("MAX_TOKENS", "1800"), ("REPLY_TOKENS", "800")]).await;
    let browser = server.browser();
    let id = browser.start_conversation().await;
    let context = format!("/api/v1/conversations/{id}/context");
    let examples = format!("/api/v1/conversations/{id}/few_shot_examples");

    let too_long = browser.patch(&context, &json!({"system_prompt": "tide ".repeat(600)})).await;
    let too_hot = browser.patch(&context, &json!({"parameters": {"temperature": 3}})).await;
    let unknown_field = browser.patch(&context, &json!({"sytem_prompt": "typo"})).await;
    let empty_summary = put(&browser, &format!("{context}/summary"), &json!({"text": " "})).await;
    let no_summary = put(&browser, &format!("{context}/summary"), &json!({"text": "Tides."})).await;
    let incomplete_example = json!({"user_prompt": "1 + 1?", "assistant_response": " "});
    let incomplete = post(&browser, &examples, &incomplete_example).await;
    let unknown_example = browser.delete(&format!("{examples}/{}", uuid::Uuid::nil())).await;

    assert_eq!(too_long.status_and_code(), (422, "context_too_long".to_owned()));
    assert_eq!(too_hot.status_and_code(), (422, "invalid_value".to_owned()));
    assert!(too_hot.text.contains("expected a number from 0 to 2"), "{too_hot:?}");
    assert_eq!(unknown_field.status_and_code(), (422, "invalid_value".to_owned()));
    assert_eq!(empty_summary.status_and_code(), (422, "invalid_value".to_owned()));
    assert_eq!(no_summary.status_and_code(), (404, "no_summary".to_owned()));
    assert_eq!(incomplete.status_and_code(), (400, "incomplete_example".to_owned()));
    assert_eq!(unknown_example.status_and_code(), (404, "example_not_found".to_owned()));
}

#[tokio::test]
async fn examples_of_flask_clients_appear_in_the_loaded_history() {
    let server = TestServer::start().await;
    let (browser, mut socket) = server.socket().await;
    let pair = json!({"user_prompt": "1 + 1?", "assistant_response": "2."});
    let without_conversation = post(&browser, "/add_few_shot_example", &pair).await;
    let id = browser.start_conversation().await;
    socket.ask(&id, "before").await;

    let added = post(&browser, "/add_few_shot_example", &pair).await;
    let incomplete = post(&browser, "/add_few_shot_example", &json!({"user_prompt": "?"})).await;
    socket.ask(&id, "after").await;

    assert_eq!(without_conversation.status_and_code(), (400, "no_conversation".to_owned()));
    let message = "Few-shot example added successfully!";
    assert_eq!((added.status.as_u16(), added.json()), (200, json!({"message": message})));
    assert_eq!(incomplete.status, 400);
    let message = "Both 'user_prompt' and 'assistant_response' are required.";
    assert_eq!(incomplete.json()["message"], json!(message));
    let loaded = browser.get(&format!("/load_conversation/{id}")).await.json();
    let messages = loaded["conversation"].as_array().unwrap().iter();
    let contents: Vec<_> = messages.map(|message| message["content"].as_str().unwrap()).collect();
    assert_eq!(
        contents,
        ["before", "You said: before", "1 + 1?", "2.", "after", "You said: after"]
    );
}

#[tokio::test]
async fn the_model_generates_the_title_after_the_first_answer() {
    let server = TestServer::with_settings(&[("AUTO_TITLES", "on")]).await;
    let (browser, mut socket) = server.socket().await;
    let id = browser.start_conversation().await;
    let answer = server.model.next_answer();
    let title = server.model.next_answer();

    socket.send("send_message", json!({"conversation_id": id, "message": "Why two tides?"})).await;
    answer.send("The moon.");
    answer.finish();
    title.send("\"Moon and tides\"");
    title.finish();
    socket.receive_until("token_usage").await;
    let update = socket.receive_until("conversation_updated").await.pop().unwrap().1;

    assert_eq!(update["title"], json!("Moon and tides"));
    let conversation = browser.get(&format!("/api/v1/conversations/{id}")).await.json();
    assert_eq!(conversation["title"], json!("Moon and tides"));
}

#[tokio::test]
async fn health_endpoints_need_no_session() {
    let server = TestServer::start().await;
    let browser = server.browser();

    let (alive, ready) = (browser.get("/healthz").await, browser.get("/readyz").await);

    assert_eq!((alive.status.as_u16(), alive.json()), (200, json!({"status": "alive"})));
    assert_eq!((ready.status.as_u16(), ready.json()), (200, json!({"status": "ready"})));
    assert_eq!(alive.header("set-cookie"), "");
}
