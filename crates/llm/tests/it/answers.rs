//! Requests to and answers of the supported servers.

use serde_json::{Value, json};
use webchat_domain::{FinishReason, ModelParameters, Temperature};
use webchat_llm::{
    Auth, ChatModel, Delta, FilterSeverity, FilteredCategory, HttpChatModel, HttpSettings, Usage,
};
use wiremock::matchers::{body_json, header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::upstream::{Upstream, event, good_response, json_response, stream_response};
use crate::{ANSWER, KEY, QUESTION, collect, failure, model, request, settings};

/// Returns the deltas of an answer with these events, and the name that the model reports.
async fn read(events: &[Value]) -> (Vec<Delta>, Option<String>) {
    let events: String = events.iter().map(event).collect();
    let upstream = Upstream::with([stream_response(&(events + "data: [DONE]\n\n"))]);
    let model = model(&upstream.url());
    let deltas = collect(&model).await.into_iter().map(Result::unwrap).collect();
    (deltas, model.name())
}

fn complete_answer() -> Vec<Delta> {
    vec![
        Delta::Text(ANSWER.to_owned()),
        Delta::Usage(Usage { prompt_tokens: 9, completion_tokens: 1, ..Usage::default() }),
        Delta::Finished(FinishReason::Stop),
    ]
}

#[tokio::test]
async fn openai_request_and_answer() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/v1/chat/completions"))
        .and(header("authorization", format!("Bearer {KEY}").as_str()))
        .and(body_json(json!({
            "messages": [{"role": "user", "content": QUESTION}],
            "max_tokens": 800,
            "stream": true,
            "stream_options": {"include_usage": true},
        })))
        .respond_with(ResponseTemplate::new(200).set_body_raw(
            [
                json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1,
                    "model": "gpt-4.1-mini", "service_tier": "default", "usage": null,
                    "choices": [{"index": 0, "delta": {"role": "assistant", "content": "",
                        "refusal": null}, "logprobs": null, "finish_reason": null}]}),
                json!({"model": "gpt-4.1-mini", "usage": null, "obfuscation": "x1y2",
                    "choices": [{"index": 0, "delta": {"content": ANSWER}, "finish_reason": null}]}),
                json!({"model": "gpt-4.1-mini", "usage": null,
                    "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}),
                json!({"model": "gpt-4.1-mini", "choices": [], "usage": {"prompt_tokens": 9,
                    "completion_tokens": 1, "total_tokens": 10,
                    "prompt_tokens_details": {"cached_tokens": 0}}}),
            ]
            .iter()
            .map(event)
            .collect::<String>()
                + "data: [DONE]\n\n",
            "text/event-stream",
        ))
        .expect(1)
        .mount(&server)
        .await;
    let model = model(&format!("{}/v1/chat/completions", server.uri()));
    assert_eq!(model.name(), None);

    let deltas: Vec<_> = collect(&model).await.into_iter().map(Result::unwrap).collect();

    assert_eq!(deltas, complete_answer());
    assert_eq!(model.name().as_deref(), Some("gpt-4.1-mini"));
}

#[tokio::test]
async fn azure_deployment_request_has_its_version_and_an_api_key() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/openai/deployments/moon/chat/completions"))
        .and(query_param("api-version", "2024-10-21"))
        .and(header("api-key", KEY))
        .respond_with(
            ResponseTemplate::new(200).set_body_raw(
                [
                    json!({"choices": [], "created": 0, "id": "", "model": "", "object": "",
                    "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {
                        "hate": {"filtered": false, "severity": "safe"},
                        "jailbreak": {"filtered": false, "detected": false}}}]}),
                    json!({"model": "gpt-4o-2024-11-20", "choices": [{"index": 0,
                    "content_filter_results": {}, "delta": {"content": "", "role": "assistant"},
                    "finish_reason": null}]}),
                    json!({"model": "gpt-4o-2024-11-20", "choices": [{"index": 0,
                    "content_filter_results": {"hate": {"filtered": false, "severity": "safe"}},
                    "delta": {"content": ANSWER}, "finish_reason": null}]}),
                    // From the asynchronous filter, after the text that it is about.
                    json!({"choices": [{"index": 0, "finish_reason": null,
                    "content_filter_offsets": {"check_offset": 44, "start_offset": 44},
                    "content_filter_results": {"hate": {"filtered": false, "severity": "safe"}}}]}),
                    json!({"model": "gpt-4o-2024-11-20", "choices": [{"index": 0,
                    "content_filter_results": {"error": {"code": "content_filter_error",
                        "message": "The contents are not filtered"}},
                    "delta": {}, "finish_reason": "stop"}]}),
                    json!({"model": "gpt-4o-2024-11-20", "choices": [],
                    "usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}}),
                ]
                .iter()
                .map(event)
                .collect::<String>()
                    + "data: [DONE]\n\n",
                "text/event-stream",
            ),
        )
        .expect(1)
        .mount(&server)
        .await;
    let url = "/openai/deployments/moon/chat/completions?api-version=2024-10-21";
    let model = model(&format!("{}{url}", server.uri()));

    let deltas: Vec<_> = collect(&model).await.into_iter().map(Result::unwrap).collect();

    assert_eq!(deltas, complete_answer());
    assert_eq!(model.name().as_deref(), Some("gpt-4o-2024-11-20"));
}

#[tokio::test]
async fn azure_v1_request_names_the_model() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/openai/v1/chat/completions"))
        .and(header("api-key", KEY))
        .respond_with(ResponseTemplate::new(200).set_body_raw(
            event(&json!({"choices": [{"delta": {"content": ANSWER}, "finish_reason": "stop"}]})),
            "text/event-stream",
        ))
        .mount(&server)
        .await;
    let model = HttpChatModel::new(HttpSettings {
        // On Azure's hosts, which a test can't have, the address implies this.
        auth: Auth::ApiKey,
        model: Some("gpt-4.1".to_owned()),
        ..settings(&format!("{}/openai/v1/chat/completions?api-version=preview", server.uri()))
    })
    .unwrap();

    collect(&model).await.into_iter().for_each(|delta| drop(delta.unwrap()));

    let sent: Value = server.received_requests().await.unwrap()[0].body_json().unwrap();
    assert_eq!(sent["model"], "gpt-4.1");
    assert_eq!(model.name().as_deref(), Some("gpt-4.1"));
}

#[tokio::test]
async fn llama_cpp_answer() {
    let (deltas, name) = read(&[
        json!({"choices": [{"finish_reason": null, "index": 0,
                "delta": {"role": "assistant", "content": null}}],
            "created": 1, "id": "chatcmpl-1", "model": "/models/SmolLM2-135M-Instruct.Q4_1.gguf",
            "system_fingerprint": "b1-x", "object": "chat.completion.chunk"}),
        json!({"choices": [{"finish_reason": null, "index": 0, "delta": {"content": ANSWER}}]}),
        json!({"choices": [{"finish_reason": "stop", "index": 0, "delta": {}}]}),
        json!({"choices": [], "usage": {"completion_tokens": 1, "prompt_tokens": 9,
            "total_tokens": 10}, "timings": {"prompt_n": 9, "predicted_per_second": 110.5}}),
    ])
    .await;

    assert_eq!(deltas, complete_answer());
    assert_eq!(name.as_deref(), Some("SmolLM2-135M-Instruct.Q4_1"));
}

#[tokio::test]
async fn vllm_answer() {
    let (deltas, name) = read(&[
        json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "Qwen/Qwen3-8B",
            "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""},
                "logprobs": null, "finish_reason": null}], "prompt_token_ids": null}),
        json!({"choices": [{"index": 0, "delta": {"reasoning_content": "The moon…"},
            "finish_reason": null, "token_ids": null}]}),
        json!({"choices": [{"index": 0, "delta": {"content": ANSWER}, "finish_reason": null}]}),
        json!({"choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "stop",
            "stop_reason": null}]}),
        json!({"choices": [], "usage": {"prompt_tokens": 9, "total_tokens": 10,
            "completion_tokens": 1}}),
    ])
    .await;

    let reasoning = Delta::Reasoning("The moon…".to_owned());
    assert_eq!(deltas, [vec![reasoning], complete_answer()].concat());
    assert_eq!(name.as_deref(), Some("Qwen/Qwen3-8B"));
}

#[tokio::test]
async fn ollama_answer() {
    let (deltas, name) = read(&[
        json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1,
            "model": "llama3.2:latest", "system_fingerprint": "fp_ollama", "choices": [{"index": 0,
                "delta": {"role": "assistant", "content": ANSWER}, "finish_reason": null}]}),
        json!({"model": "llama3.2:latest", "choices": [{"index": 0, "finish_reason": "stop",
            "delta": {"role": "assistant", "content": ""}}]}),
        json!({"model": "llama3.2:latest", "choices": [],
            "usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}}),
    ])
    .await;

    assert_eq!(deltas, complete_answer());
    assert_eq!(name.as_deref(), Some("llama3.2:latest"));
}

#[tokio::test]
async fn a_filtered_azure_answer_names_its_categories() {
    let (deltas, _) = read(&[
        json!({"choices": [{"index": 0, "delta": {"content": ANSWER}, "finish_reason": null}]}),
        json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "content_filter",
            "content_filter_results": {"violence": {"filtered": true, "severity": "high"}}}]}),
    ])
    .await;

    let end = [
        Delta::Filtered(vec![FilteredCategory {
            name: "violence".to_owned(),
            severity: Some(FilterSeverity::High),
        }]),
        Delta::Finished(FinishReason::ContentFilter),
    ];
    assert!(deltas.ends_with(&end), "{deltas:?}");
}

#[tokio::test]
async fn a_filtered_azure_request_names_its_categories() {
    let body = json!({"error": {
        "message": format!("The response was filtered: {QUESTION}"), "type": null,
        "param": "prompt", "code": "content_filter", "status": 400, "innererror": {
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_result": {
                "hate": {"filtered": false, "severity": "safe"},
                "jailbreak": {"filtered": true, "detected": true},
                "self_harm": {"filtered": true, "severity": "medium"},
            },
        },
    }});
    let upstream = Upstream::with([json_response(400, &body)]);

    let error = failure(&model(&upstream.url())).await;

    assert_eq!(error.code(), "model_content_filter");
    assert_eq!(
        error.to_string(),
        "The content filter of the model's provider refused your question, or an earlier message of this \
         chat, because it found an attempt to get around the model's rules and self-harm (medium \
         severity). Please rephrase it, or start a new chat."
    );
}

#[tokio::test]
async fn request_parameters_override_server_parameters() {
    let parameters = |json: Value| serde_json::from_value::<ModelParameters>(json).unwrap();
    let mut upstream = Upstream::with([good_response()]);
    let model = HttpChatModel::new(HttpSettings {
        parameters: parameters(json!({"temperature": 0.2, "top_p": 0.9, "seed": 7})),
        ..settings(&upstream.url())
    })
    .unwrap();
    let mut with_temperature = request();
    with_temperature.parameters.temperature = Some(Temperature::try_from(1.5).unwrap());

    drop(model.stream(request()).await.unwrap());
    drop(model.stream(with_temperature).await.unwrap());

    let [default, with_temperature] = upstream.take_requests().try_into().ok().unwrap();
    assert_eq!(parameters_in(&default.body), json!([0.2, 0.9, 7, null]));
    assert_eq!(parameters_in(&with_temperature.body), json!([1.5, 0.9, 7, null]));
}

fn parameters_in(body: &Value) -> Value {
    ["temperature", "top_p", "seed", "presence_penalty"].map(|name| body[name].clone()).into()
}
