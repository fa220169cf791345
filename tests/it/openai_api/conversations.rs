//! Completions in stored conversations.

use reqwest::Method;
use serde_json::{Value, json};
use webchat_tests::OpenAiLibrary::{JavaScript, Python};
use webchat_tests::{Browser, OpenAiClient, Response};

use super::{ApiServer, COMPLETIONS, error, fail_next_request, key, question};
use crate::security::account_server::listed;

async fn complete_in(browser: &Browser, id: &str, key: &str, body: &Value) -> Response {
    let request = browser.request(Method::POST, COMPLETIONS).json(body);
    browser.send(request.header("x-conversation-id", id).header("idempotency-key", key)).await
}

async fn messages(browser: &Browser, id: &str) -> Vec<Value> {
    let page = browser.get(&format!("/api/v1/conversations/{id}/messages")).await.json();
    page["messages"].as_array().unwrap().clone()
}

#[tokio::test]
async fn an_answer_in_a_conversation_is_seen_live_in_another_window_and_stored() {
    let server = ApiServer::start(&[]).await;
    let id = server.alice.start_conversation().await;
    let mut window = server.alice.connect().await;
    window.send("subscribe", json!({"conversation_id": id})).await;
    window.expect("subscribed").await;
    let mut client = OpenAiClient::start(Python, &server.alice, &server.key);
    let answer = server.accounts.model.next_answer();
    answer.send("The ");

    let mut request = question("Why two tides?");
    request["messages"] =
        json!([{"role": "system", "content": "ignored"}, request["messages"][0].clone()]);
    let headers = json!({"X-Conversation-Id": id});
    let streaming = client.run(json!({"do": "stream", "request": request, "headers": headers}));
    let watching = async {
        let accepted = window.receive_until("message_accepted").await;
        assert_eq!(accepted.last().unwrap().1["content"], "Why two tides?");
        let chunks = window.receive_until("response_chunk").await;
        assert_eq!(chunks.last().unwrap().1["chunk"], "The ");
        answer.send("moon");
        answer.finish();
        window.receive_until("response_end").await
    };
    let (streamed, _) = tokio::join!(streaming, watching);

    assert_eq!(
        (&streamed["content"], &streamed["finish_reason"]),
        (&json!("The moon"), &json!("stop"))
    );
    assert!(streamed["usage"]["prompt_tokens"].as_u64().unwrap() > 0, "{streamed}");
    let stored = messages(&server.alice, &id).await;
    let texts: Vec<_> = stored.iter().map(|message| &message["content"]).collect();
    assert_eq!(texts, ["Why two tides?", "The moon"]);
    assert_eq!(server.accounts.model.requests()[0]["messages"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_client_that_disconnects_does_not_stop_the_answer_of_a_conversation() {
    let server = ApiServer::start(&[]).await;
    let id = server.alice.start_conversation().await;
    let mut window = server.alice.connect().await;
    window.send("subscribe", json!({"conversation_id": id})).await;
    let mut client = OpenAiClient::start(JavaScript, &server.alice, &server.key);
    let answer = server.accounts.model.next_answer();
    answer.send("The ");

    let headers = json!({"X-Conversation-Id": id});
    let command =
        json!({"do": "stream", "request": question("Why?"), "headers": headers, "chunks": 1});
    client.run(command).await;
    answer.send("moon");
    answer.finish();

    window.receive_until("response_end").await;
    assert_eq!(messages(&server.alice, &id).await[1]["content"], "The moon");
}

#[tokio::test]
async fn a_new_conversation_is_started_once_for_each_key_and_named_in_the_response() {
    let server = ApiServer::start(&[]).await;

    let first = complete_in(&server.program, "new", "k1", &question("Why?")).await;
    let repeated = complete_in(&server.program, "new", "k1", &question("Why?")).await;
    let id = first.header("x-conversation-id").to_owned();
    let next = complete_in(&server.program, &id, "k2", &question("And now?")).await;

    for response in [&first, &repeated] {
        let body = response.json();
        assert_eq!(body["choices"][0]["message"]["content"], "You said: Why?", "{body}");
    }
    assert_eq!(repeated.header("x-conversation-id"), id);
    assert_eq!(next.json()["choices"][0]["message"]["content"], "You said: And now?");
    assert_eq!(listed(&server.alice).await, 1);
    assert_eq!(messages(&server.alice, &id).await.len(), 4);
    let sent = server.accounts.model.requests();
    assert_eq!(sent[1]["messages"].as_array().unwrap().len(), 3, "the stored history is sent");
}

#[tokio::test]
async fn others_conversations_and_messages_without_a_question_are_refused() {
    let server = ApiServer::start(&[]).await;
    let id = server.alice.start_conversation().await;
    let bob = server.accounts.signed_in("bob").await;
    let bobs_program = bob.with_key(&key(&bob, &["chat"]).await);
    let answer_last = json!({
        "model": "scripted", "messages": [{"role": "assistant", "content": "The moon."}]
    });

    let not_found = (404, "conversation_not_found".to_owned(), Value::Null);
    for (program, id) in [(&bobs_program, &*id), (&server.program, "x")] {
        let refused = complete_in(program, id, "k", &question("Why?")).await;
        assert_eq!(error(&refused), not_found);
    }
    let refused = complete_in(&server.program, &id, "k", &answer_last).await;
    assert_eq!(error(&refused), (400, "invalid_value".to_owned(), json!("messages")));
    let blank = complete_in(&server.program, &id, "k", &question(" ")).await;
    assert_eq!(error(&blank).0, 400);
    assert_eq!(messages(&server.alice, &id).await.len(), 0);
}

#[tokio::test]
async fn a_failed_answer_of_a_conversation_is_an_error_that_clients_must_not_repeat() {
    let server = ApiServer::start(&[]).await;
    let id = server.alice.start_conversation().await;
    fail_next_request(&server.accounts.model);

    let failed = complete_in(&server.program, &id, "k", &question("Why?")).await;

    assert_eq!(error(&failed), (502, "model_failed".to_owned(), Value::Null));
    assert_eq!(failed.header("x-should-retry"), "false");
    assert_eq!(messages(&server.alice, &id).await.len(), 2);
}
