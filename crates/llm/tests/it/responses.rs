//! Requests to the Responses API and its answers.

use futures_util::StreamExt;
use serde_json::{Value, json};
use webchat_domain::{FinishReason, ModelParameters};
use webchat_llm::{
    AnswerLimit, Auth, ChatMessage, ChatModel, ChatRequest, ChatRole, Delta, DeploymentSettings,
    HttpChatModel, HttpSettings, ModelError, Usage,
};
use wiremock::matchers::{body_json, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::fallbacks::errors;
use crate::upstream::{Upstream, event, good_response, json_response, response, stream_response};
use crate::{ANSWER, KEY, QUESTION, answer, collect, failure, model, request, settings};

fn url(upstream: &Upstream) -> String {
    format!("http://{}/v1/responses?key={KEY}", upstream.address())
}

fn parameters(json: Value) -> ModelParameters {
    serde_json::from_value(json).unwrap()
}

fn good_events() -> String {
    let delta = json!({"type": "response.output_text.delta", "output_index": 0, "delta": ANSWER});
    let response = json!({"object": "response", "status": "completed", "model": "gpt-5-mini",
        "output": [], "usage": {"input_tokens": 9, "output_tokens": 1}});
    event(&delta) + &event(&json!({"type": "response.completed", "response": response}))
}

fn good() -> String {
    stream_response(&good_events())
}

fn failed() -> String {
    let error = json!({"code": "server_error", "message": QUESTION});
    let response = json!({"object": "response", "status": "failed", "error": error});
    event(&json!({"type": "response.failed", "response": response}))
}

#[tokio::test]
async fn azure_request_and_answer() {
    let server = MockServer::start().await;
    let body = json!({
        "model": "my-deployment",
        "input": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "1 + 1?"},
            {"role": "assistant", "content": "2."},
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": QUESTION},
        ],
        "max_output_tokens": 16,
        "stream": true,
        "store": false,
        "top_p": 0.5,
        "reasoning": {"effort": "high", "summary": "auto"},
    });
    Mock::given(method("POST"))
        .and(path("/openai/v1/responses"))
        .and(header("api-key", KEY))
        .and(body_json(body))
        .respond_with(ResponseTemplate::new(200).set_body_raw(good_events(), "text/event-stream"))
        .expect(1)
        .mount(&server)
        .await;
    let model = HttpChatModel::new(HttpSettings {
        // On Azure's hosts, which a test can't have, the address implies this.
        auth: Auth::ApiKey,
        model: Some("my-deployment".to_owned()),
        parameters: parameters(json!({"seed": 7, "presence_penalty": 1, "top_p": 0.5})),
        ..settings(&format!("{}/openai/v1/responses", server.uri()))
    })
    .unwrap();
    let message = |role, content: &str| ChatMessage { role, content: content.to_owned() };
    let request = ChatRequest {
        messages: vec![
            message(ChatRole::System, "Be brief."),
            message(ChatRole::User, "1 + 1?"),
            message(ChatRole::Assistant, "2."),
            message(ChatRole::System, "Be kind."),
            message(ChatRole::User, QUESTION),
        ],
        answer_limit: AnswerLimit::Tokens(5),
        parameters: parameters(json!({"reasoning_effort": "high", "frequency_penalty": 1})),
        stop: vec!["END".to_owned()],
        ..request()
    };

    let deltas: Vec<_> = model.stream(request).await.unwrap().collect().await;
    let deltas: Vec<_> = deltas.into_iter().map(Result::unwrap).collect();

    let usage = Usage { prompt_tokens: 9, completion_tokens: 1, ..Usage::default() };
    assert_eq!(
        deltas,
        [Delta::Text(ANSWER.to_owned()), Delta::Usage(usage), Delta::Finished(FinishReason::Stop)]
    );
}

#[tokio::test]
async fn openai_takes_the_key_as_a_bearer_and_reports_the_name_of_the_model() {
    let mut upstream = Upstream::with([good()]);
    let model = model(&url(&upstream));

    assert_eq!(answer(&model).await, ANSWER);

    let request = upstream.request().await;
    assert!(request.head.contains(&format!("authorization: Bearer {KEY}")), "{}", request.head);
    assert_eq!(request.body["reasoning"], json!({"summary": "auto"}));
    assert_eq!(model.name().as_deref(), Some("gpt-5-mini"));
}

#[tokio::test]
async fn a_refused_summary_is_left_out_from_then_on() {
    for (status, error) in errors("reasoning_summary") {
        let body = error.clone();
        let mut upstream = Upstream::start(move |connection, _, request| {
            let is_rejected = request["reasoning"].get("summary").is_some();
            connection.write(&if is_rejected { response(status, "", &body) } else { good() });
        });
        let model = model(&url(&upstream));

        assert_eq!([answer(&model).await, answer(&model).await], [ANSWER, ANSWER], "{error}");

        let sent: Vec<_> = upstream.take_requests();
        let sent: Vec<_> = sent.iter().map(|request| request.body.get("reasoning")).collect();
        assert_eq!(sent, [Some(&json!({"summary": "auto"})), None, None], "{error}");
    }
}

#[tokio::test]
async fn a_refused_parameter_is_named_and_costs_one_request() {
    for (name, param) in [("reasoning_effort", "reasoning.effort"), ("temperature", "temperature")]
    {
        let error = json!({"error": {
            "message": format!("Unsupported parameter: '{param}' is not supported."),
            "type": "invalid_request_error", "param": param, "code": "unsupported_parameter",
        }});
        let mut upstream = Upstream::with([json_response(400, &error)]);
        let value = if name == "temperature" { json!(1) } else { json!("low") };
        let model = HttpChatModel::new(HttpSettings {
            parameters: parameters(json!({name: value})),
            ..settings(&url(&upstream))
        });

        let error = failure(&model.unwrap()).await;

        let ModelError::ParameterRefused { parameter, .. } = error else { panic!("{error:?}") };
        assert_eq!(parameter, name);
        assert_eq!(upstream.take_requests().len(), 1);
    }
}

#[tokio::test]
async fn a_model_that_cannot_stream_is_asked_for_a_complete_response() {
    let whole = json!({"object": "response", "status": "completed", "error": null, "output": [
        {"type": "message", "content": [{"type": "output_text", "text": ANSWER}]}]});
    for (status, error) in errors("stream") {
        let whole = json_response(200, &whole);
        let upstream = Upstream::start(move |connection, _, request| {
            let is_streamed = request["stream"] == json!(true);
            let rejection = || response(status, "", &error);
            connection.write(&if is_streamed { rejection() } else { whole.clone() });
        });

        assert_eq!(answer(&model(&url(&upstream))).await, ANSWER);
    }
}

#[tokio::test]
async fn a_response_that_fails_before_its_first_delta_is_answered_by_another_deployment() {
    let created = json!({"type": "response.created", "response": {"status": "in_progress"}});
    let mut responses = Upstream::with([stream_response(&(event(&created) + &failed()))]);
    let mut chat = Upstream::with([good_response()]);
    let deployment = |name: &str, order, url: &str| DeploymentSettings {
        name: name.to_owned(),
        order,
        weight: 1,
        http: settings(url),
    };
    let deployments =
        vec![deployment("first", 1, &url(&responses)), deployment("second", 2, &chat.url())];
    let model = HttpChatModel::with_deployments(deployments).unwrap();

    assert_eq!(answer(&model).await, ANSWER);

    assert_eq!(responses.take_requests().len(), 1);
    assert_eq!(chat.take_requests()[0].body["messages"][0]["content"], QUESTION);
}

#[tokio::test]
async fn a_response_that_fails_in_the_middle_is_not_repeated() {
    let delta = json!({"type": "response.output_text.delta", "delta": ANSWER});
    let mut upstream = Upstream::with([stream_response(&(event(&delta) + &failed()))]);

    let deltas = collect(&model(&url(&upstream))).await;

    let [Ok(Delta::Text(text)), Err(error)] = deltas.as_slice() else { panic!("{deltas:?}") };
    assert_eq!((text.as_str(), error.code()), (ANSWER, "model_failed"));
    assert_eq!(upstream.take_requests().len(), 1);
}

#[tokio::test]
async fn a_rate_limit_says_how_long_to_wait() {
    let upstream = Upstream::with([response(429, "retry-after: 200\r\n", "{}")]);

    let error = failure(&model(&url(&upstream))).await;

    assert_eq!(error.code(), "model_rate_limited");
    assert_eq!(error.retry_after().map(|delay| delay.as_secs()), Some(200));
}
