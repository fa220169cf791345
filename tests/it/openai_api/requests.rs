//! What a request may contain, what reaches the model, and the form of the response.

use serde_json::{Value, json};

use super::{ApiServer, error, question};

fn with(name: &str, value: Value) -> Value {
    let mut request = question("Why?");
    request[name] = value;
    request
}

#[tokio::test]
async fn messages_and_parameters_reach_the_model() {
    let server = ApiServer::start(&[]).await;
    let request = json!({
        "model": "scripted", "n": 1, "user": "u1", "store": true, "unknown": [1], "tools": [], "logprobs": false,
        "response_format": {"type": "text"}, "metadata": {"a": "b"}, "top_p": null,
        "messages": [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "name": "alice", "content": [
                {"type": "text", "text": "Why"}, {"type": "text", "text": "two tides?"},
            ]},
            {"role": "assistant", "content": "The moon.", "reasoning_content": "Hm."},
            {"role": "user", "content": "And the sun?"},
        ],
        "temperature": 0.5, "presence_penalty": -1, "frequency_penalty": 2.0, "seed": 7, "stop": "END",
        "max_tokens": 10, "max_completion_tokens": 20, "reasoning_effort": "low",
    });

    let response = server.complete(&request).await;

    assert_eq!(response.status, 200, "{}", response.text);
    let sent = server.accounts.model.requests().remove(0);
    let expected = json!({
        "model": "scripted", "stream": true, "stream_options": {"include_usage": true},
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Why\ntwo tides?"},
            {"role": "assistant", "content": "The moon."},
            {"role": "user", "content": "And the sun?"},
        ],
        "temperature": 0.5, "presence_penalty": -1.0, "frequency_penalty": 2.0, "seed": 7, "stop": ["END"],
        "max_tokens": 20, "reasoning_effort": "low",
    });
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn responses_have_openais_form() {
    let server = ApiServer::start(&[]).await;
    let mut streamed = with("stream", json!(true));
    streamed["stream_options"] = json!({"include_usage": true});
    let filtered = server.accounts.model.next_answer();
    filtered.send("The ");
    filtered.send_raw("data: {\"choices\": [{\"index\": 0, \"delta\": {}, \"finish_reason\": \"content_filter\"}]}\n\n");
    drop(filtered);

    let filtered = server.complete(&question("Why?")).await.json();
    let complete = server.complete(&question("Why?")).await.json();
    let stream = server.complete(&streamed).await;

    assert_eq!(filtered["choices"][0]["finish_reason"], "content_filter");
    assert_eq!(filtered["choices"][0]["message"]["content"], "The ");
    assert!(complete["id"].as_str().unwrap().starts_with("chatcmpl-"), "{complete}");
    assert!(complete["created"].as_i64().unwrap() > 1_700_000_000, "{complete}");
    assert_eq!(complete["object"], "chat.completion");
    let message = json!({"role": "assistant", "content": "You said: Why?", "refusal": null});
    let choice = json!({"index": 0, "message": message, "logprobs": null, "finish_reason": "stop"});
    assert_eq!(complete["choices"], json!([choice]));
    assert_eq!(stream.header("cache-control"), "no-store");
    let lines: Vec<_> =
        stream.text.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    let [first, texts @ .., end, usage, "[DONE]"] = lines.as_slice() else { panic!("{lines:?}") };
    let parse = |line: &str| -> Value { serde_json::from_str(line).unwrap() };
    let first = parse(first);
    assert_eq!(first["object"], "chat.completion.chunk");
    let role =
        json!([{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": null}]);
    assert_eq!((&first["choices"], &first["usage"]), (&role, &Value::Null));
    let text =
        |line: &&str| parse(line)["choices"][0]["delta"]["content"].as_str().unwrap().to_owned();
    assert_eq!(texts.iter().map(text).collect::<String>(), "You said: Why?");
    assert_eq!(parse(end)["choices"], json!([{"index": 0, "delta": {}, "finish_reason": "stop"}]));
    assert_eq!(parse(usage)["choices"], json!([]));
    assert!(parse(usage)["usage"]["total_tokens"].is_u64(), "{usage}");
}

#[tokio::test]
async fn what_is_invalid_or_would_change_the_meaning_is_refused_with_its_field() {
    let server = ApiServer::start(&[]).await;
    let message = |message: Value| with("messages", json!([message]));
    let image = json!([{"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}]);
    let many: Vec<_> = (0..2_049).map(|_| json!({"role": "user", "content": "x"})).collect();

    for (body, code, param) in [
        (json!({"messages": []}), "missing_required_parameter", "model"),
        (json!({"model": "scripted"}), "missing_required_parameter", "messages"),
        (with("messages", json!([])), "invalid_value", "messages"),
        (with("messages", json!(many)), "invalid_value", "messages"),
        (with("messages", json!("Why?")), "invalid_value", "messages"),
        (message(json!("Why?")), "invalid_value", "messages[0]"),
        (message(json!({"content": "Why?"})), "invalid_value", "messages[0]"),
        (message(json!({"role": "user"})), "invalid_value", "messages[0].content"),
        (message(json!({"role": "moon", "content": ""})), "invalid_value", "messages[0].role"),
        (
            message(json!({"role": "tool", "content": ""})),
            "unsupported_parameter",
            "messages[0].role",
        ),
        (
            message(json!({"role": "user", "content": image})),
            "unsupported_parameter",
            "messages[0].content[0]",
        ),
        (
            message(json!({"role": "assistant", "content": "", "tool_calls": [{}]})),
            "unsupported_parameter",
            "messages[0].tool_calls",
        ),
        (with("n", json!(2)), "unsupported_parameter", "n"),
        (with("tools", json!([{"type": "function"}])), "unsupported_parameter", "tools"),
        (with("functions", json!([{}])), "unsupported_parameter", "functions"),
        (with("logprobs", json!(true)), "unsupported_parameter", "logprobs"),
        (with("logit_bias", json!({"1": 2})), "unsupported_parameter", "logit_bias"),
        (with("audio", json!({"voice": "x"})), "unsupported_parameter", "audio"),
        (
            with("response_format", json!({"type": "json_object"})),
            "unsupported_parameter",
            "response_format",
        ),
        (with("temperature", json!(2.1)), "invalid_value", "temperature"),
        (with("seed", json!("x")), "invalid_value", "seed"),
        (with("max_tokens", json!(0)), "invalid_value", "max_tokens"),
        (with("max_completion_tokens", json!(-1)), "invalid_value", "max_completion_tokens"),
        (with("stream", json!("yes")), "invalid_value", "stream"),
        (with("stop", json!(["1", "2", "3", "4", "5"])), "invalid_value", "stop"),
        (with("stop", json!("")), "invalid_value", "stop"),
        (with("stop", json!("x".repeat(1_025))), "invalid_value", "stop"),
    ] {
        let response = server.complete(&body).await;
        assert_eq!(error(&response), (400, code.to_owned(), json!(param)), "{}", response.text);
    }
    assert_eq!(server.accounts.model.requests().len(), 0);
}

#[tokio::test]
async fn cached_tokens_are_part_of_the_usage() {
    let server = ApiServer::start(&[]).await;
    let answer = server.accounts.model.next_answer();
    let usage = json!({"prompt_tokens": 90, "completion_tokens": 2,
        "prompt_tokens_details": {"cached_tokens": 64}});
    answer.send("Because.");
    answer.send_raw(&format!("data: {}\n\n", json!({"choices": [], "usage": usage})));
    answer.finish();

    let completion = server.complete(&question("Why?")).await.json();

    let expected = json!({"prompt_tokens": 90, "completion_tokens": 2, "total_tokens": 92,
        "prompt_tokens_details": {"cached_tokens": 64}});
    assert_eq!(completion["usage"], expected);
}
