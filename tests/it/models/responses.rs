//! A model that is asked with the Responses API.

use serde_json::{Value, json};
use webchat_tests::{ScriptedAnswer, ScriptedModel};

use super::{ModelServer, entry, post};

fn send(answer: &ScriptedAnswer, event: &Value) {
    let name = event["type"].as_str().unwrap();
    answer.send_raw(&format!("event: {name}\ndata: {event}\n\n"));
}

fn summary(part: u32, text: &str) -> Value {
    json!({"type": "response.reasoning_summary_text.delta", "output_index": 0,
        "summary_index": part, "delta": text})
}

#[tokio::test]
async fn a_question_is_answered_with_its_reasoning_and_counted_tokens() {
    let model = ScriptedModel::start();
    let url = model.url().replace("/chat/completions", "/responses");
    let models = entry("tides", "reasoning_effort = 'low'", &[&url]);
    let server = ModelServer::start(&models, &[("METRICS", "on"), ("SYSTEM_PROMPT", "Be brief.")]);
    let server = server.await;
    let browser = server.process.browser();
    let id = browser.start_conversation().await;
    let path = format!("/api/v1/conversations/{id}");
    let answer = model.next_answer();
    send(&answer, &json!({"type": "response.created", "response": {"status": "in_progress"}}));
    send(&answer, &summary(0, "The moon"));
    send(&answer, &summary(0, " pulls."));
    send(&answer, &summary(1, "The sun, too."));
    let text =
        json!({"type": "response.output_text.delta", "output_index": 1, "delta": "Because."});
    send(&answer, &text);
    let usage = json!({"input_tokens": 90, "input_tokens_details": {"cached_tokens": 64},
        "output_tokens": 20, "output_tokens_details": {"reasoning_tokens": 12}});
    let response = json!({"status": "completed", "output": [], "usage": usage});
    send(&answer, &json!({"type": "response.completed", "response": response}));
    drop(answer);

    let turn =
        post(&browser, &format!("{path}/messages"), &json!({"message": "Why?"})).await.json();

    let answer = &turn["answer"];
    assert_eq!([&answer["content"], &answer["status"]], [&json!("Because."), &json!("complete")]);
    let reasoning = &answer["reasoning"];
    let expected = "The moon pulls.\n\nThe sun, too.";
    assert_eq!([&reasoning["text"], &reasoning["tokens"]], [&json!(expected), &json!(12)]);
    let request = &model.requests()[0];
    let input =
        json!([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]);
    assert_eq!(request["input"], input, "{request}");
    assert_eq!(request["reasoning"], json!({"effort": "low", "summary": "auto"}));
    assert_eq!([&request["store"], &request["model"]], [&json!(false), &json!("tides")]);
    let metrics = browser.get("/metrics").await.text;
    let cached = "webchat_model_tokens_total{purpose=\"answer\",kind=\"cached\"} 64";
    assert!(metrics.contains(cached), "{metrics}");
}
