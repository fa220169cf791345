//! The reasoning of the model, in the field that other servers with an OpenAI-compatible API use.

use serde_json::{Value, json};
use webchat_tests::OpenAiLibrary::AiSdk;
use webchat_tests::{OpenAiClient, ScriptedModel};

use super::{ApiServer, COMPLETIONS, question};

/// Makes the model reason before its next answer.
fn reason(model: &ScriptedModel) {
    let answer = model.next_answer();
    answer.send_reasoning("A ");
    answer.send_reasoning("sum.");
    answer.send("Four.");
    answer.finish();
}

/// The content and the reasoning of a streamed answer, and its usage.
fn read(stream: &str) -> ([String; 2], Value) {
    let lines = stream.lines().filter_map(|line| line.strip_prefix("data: "));
    let chunks = lines.filter(|line| *line != "[DONE]");
    let chunks: Vec<Value> = chunks.map(|chunk| serde_json::from_str(chunk).unwrap()).collect();
    let texts = ["content", "reasoning_content"].map(|field| {
        let texts = chunks.iter().filter_map(|chunk| {
            chunk.pointer("/choices/0/delta")?.get(field)?.as_str().map(str::to_owned)
        });
        texts.collect()
    });
    (texts, chunks.last().unwrap()["usage"].clone())
}

#[tokio::test]
async fn reasoning_is_a_field_of_its_own_and_its_tokens_are_part_of_the_usage() {
    let server = ApiServer::start(&[]).await;
    let model = &server.accounts.model;
    let mut streamed = question("2 + 2?");
    streamed["stream"] = json!(true);
    streamed["stream_options"] = json!({"include_usage": true});
    for _ in 0..2 {
        reason(model);
    }

    let complete = server.complete(&question("2 + 2?")).await.json();
    let stream = server.complete(&streamed).await;
    let without = server.complete(&question("2 + 2?")).await.json();

    let message = json!({
        "role": "assistant", "content": "Four.", "reasoning_content": "A sum.", "refusal": null,
    });
    assert_eq!(complete["choices"][0]["message"], message);
    let (texts, usage) = read(&stream.text);
    assert_eq!(texts, ["Four.", "A sum."]);
    assert_eq!(usage, complete["usage"]);
    let reasoning_tokens = usage["completion_tokens_details"]["reasoning_tokens"].as_u64().unwrap();
    assert!(reasoning_tokens > 0, "{usage}");
    assert!(usage["completion_tokens"].as_u64().unwrap() > reasoning_tokens, "{usage}");
    assert_eq!(without["choices"][0]["message"].get("reasoning_content"), None, "{without}");
    assert_eq!(without["usage"].get("completion_tokens_details"), None, "{without}");
}

#[tokio::test]
async fn the_reasoning_of_a_stored_answer_is_returned_live_and_later() {
    let server = ApiServer::start(&[]).await;
    let send = async |body: &Value| {
        let request = server.program.request(reqwest::Method::POST, COMPLETIONS).json(body);
        let request = request.header("x-conversation-id", "new").header("idempotency-key", "k");
        server.program.send(request).await
    };
    reason(&server.accounts.model);
    let mut streamed = question("2 + 2?");
    streamed["stream"] = json!(true);
    streamed["stream_options"] = json!({"include_usage": true});

    let (live, usage) = read(&send(&streamed).await.text);
    let later = send(&question("2 + 2?")).await.json();

    assert_eq!(live, ["Four.", "A sum."]);
    assert!(usage["completion_tokens_details"]["reasoning_tokens"].as_u64() > Some(0), "{usage}");
    let message = &later["choices"][0]["message"];
    assert_eq!(
        (&message["content"], &message["reasoning_content"]),
        (&json!("Four."), &json!("A sum."))
    );
    assert_eq!(server.accounts.model.requests().len(), 1);
}

#[tokio::test]
async fn the_ai_sdk_finds_the_reasoning() {
    let server = ApiServer::start(&[]).await;
    let mut client = OpenAiClient::start(AiSdk, &server.alice, &server.key);
    for _ in 0..2 {
        reason(&server.accounts.model);
    }

    let result = client.run(json!({"prompt": "2 + 2?"})).await;

    assert_eq!((&result["text"], &result["streamed"]), (&json!("Four."), &json!("Four.")));
    let reasoning = &result["reasoning"];
    assert_eq!((&reasoning["text"], &reasoning["streamed"]), (&json!("A sum."), &json!("A sum.")));
    assert!(reasoning["tokens"].as_u64() > Some(0), "{result}");
}
