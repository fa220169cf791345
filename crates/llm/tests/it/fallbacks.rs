//! Requests that are sent again without fields that the upstream rejects.

use std::fs;

use serde_json::{Value, json};
use webchat_llm::{
    AnswerLimit, ChatMessage, ChatModel, ChatRequest, ChatRole, HttpChatModel, HttpSettings,
    TokensField,
};

use crate::upstream::{Upstream, good_response, json_response, response};
use crate::{ANSWER, QUESTION, answer, failure, model, request, settings};

/// Starts an upstream that rejects these fields.
fn upstream_rejecting(fields: &'static [&str]) -> Upstream {
    Upstream::start(move |connection, _, body| {
        let unknown = fields.iter().find(|field| body.get(**field).is_some());
        connection
            .write(&unknown.map_or_else(good_response, |field| unknown_field_response(field)));
    })
}

fn unknown_field_response(field: &str) -> String {
    let error = json!({"error": {
        "message": format!("Unsupported parameter: '{field}' is not supported with this model."),
        "type": "invalid_request_error", "param": field, "code": "unsupported_parameter",
    }});
    json_response(400, &error)
}

/// Returns the optional fields of each request.
fn sent_fields(upstream: &mut Upstream) -> Vec<Vec<&'static str>> {
    let optional = ["max_tokens", "max_completion_tokens", "stream_options"];
    let fields =
        |body: Value| optional.into_iter().filter(|field| body.get(field).is_some()).collect();
    upstream.take_requests().into_iter().map(|request| fields(request.body)).collect()
}

/// Requests two answers, and returns the optional fields of every request sent for them.
async fn sent_fields_for_two_answers(upstream: &mut Upstream) -> Vec<Vec<&'static str>> {
    let model = model(&upstream.url());
    let answers = [answer(&model).await, answer(&model).await];
    assert_eq!(answers, [ANSWER, ANSWER]);
    sent_fields(upstream)
}

#[tokio::test]
async fn the_other_token_limit_field_is_tried_at_once_and_remembered() {
    let mut upstream = upstream_rejecting(&["max_tokens"]);
    assert_eq!(
        sent_fields_for_two_answers(&mut upstream).await,
        [
            ["max_tokens", "stream_options"],
            ["max_completion_tokens", "stream_options"],
            ["max_completion_tokens", "stream_options"],
        ]
    );
}

#[tokio::test]
async fn a_request_for_the_maximum_of_the_model_names_no_limit() {
    let mut upstream = Upstream::with([good_response()]);
    let answer_limit = AnswerLimit::ModelMaximum { expected: 32_000 };

    let request = ChatRequest { answer_limit, ..request() };
    assert!(model(&upstream.url()).stream(request).await.is_ok());

    assert_eq!(sent_fields(&mut upstream), [["stream_options"]]);
}

#[tokio::test]
async fn rejected_stream_options_are_omitted_from_then_on() {
    let mut upstream = upstream_rejecting(&["stream_options"]);
    assert_eq!(
        sent_fields_for_two_answers(&mut upstream).await,
        [vec!["max_tokens", "stream_options"], vec!["max_tokens"], vec!["max_tokens"]]
    );
}

#[tokio::test]
async fn two_fields_can_be_rejected_in_one_attempt() {
    let mut upstream = upstream_rejecting(&["max_tokens", "stream_options"]);

    assert_eq!(answer(&model(&upstream.url())).await, ANSWER);

    assert_eq!(sent_fields(&mut upstream).last().unwrap(), &["max_completion_tokens"]);
}

#[tokio::test]
async fn an_upstream_can_change_back_to_the_first_token_limit_field() {
    let mut upstream = Upstream::with([
        unknown_field_response("max_tokens"),
        good_response(),
        unknown_field_response("max_completion_tokens"),
        good_response(),
    ]);
    let model = model(&upstream.url());

    let answers = [answer(&model).await, answer(&model).await];

    assert_eq!(answers, [ANSWER, ANSWER]);
    assert_eq!(sent_fields(&mut upstream).last().unwrap(), &["max_tokens", "stream_options"]);
}

#[tokio::test]
async fn the_request_fails_if_the_upstream_rejects_both_token_limit_fields() {
    let mut upstream = upstream_rejecting(&["max_tokens", "max_completion_tokens"]);
    let model = model(&upstream.url());

    assert_eq!(failure(&model).await.code(), "model_failed");
    assert_eq!(upstream.take_requests().len(), 2);

    // A fallback that failed is not tried again.
    assert_eq!(failure(&model).await.code(), "model_failed");
    assert_eq!(sent_fields(&mut upstream), [["max_tokens", "stream_options"]]);
}

#[tokio::test]
async fn a_configured_token_limit_field_is_never_replaced() {
    for (tokens_field, field) in [
        (TokensField::MaxTokens, "max_tokens"),
        (TokensField::MaxCompletionTokens, "max_completion_tokens"),
    ] {
        let mut upstream = upstream_rejecting(&["max_tokens", "max_completion_tokens"]);
        let model =
            HttpChatModel::new(HttpSettings { tokens_field, ..settings(&upstream.url()) }).unwrap();

        failure(&model).await;

        assert_eq!(sent_fields(&mut upstream), [[field, "stream_options"]]);
    }
}

/// Returns the errors of this kind, as real upstreams send them.
pub(crate) fn errors(kind: &str) -> Vec<(u16, String)> {
    let path = format!("{}/tests/it/bodies/errors.json", env!("CARGO_MANIFEST_DIR"));
    let errors: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let read = |error: &Value| {
        let status = error["status"].as_u64().unwrap().try_into().unwrap();
        let body = &error["body"];
        (status, body.as_str().map_or_else(|| body.to_string(), str::to_owned))
    };
    errors[kind].as_array().unwrap().iter().map(read).collect()
}

#[tokio::test]
async fn a_rejected_field_is_recognised_in_the_error_message_of_each_upstream() {
    for field in ["stream_options", "max_tokens"] {
        for (status, error) in errors(field) {
            let body = error.clone();
            let mut upstream = Upstream::start(move |connection, _, request| {
                let is_rejected = request.get(field).is_some();
                let rejection = || response(status, "", &body);
                connection.write(&if is_rejected { rejection() } else { good_response() });
            });

            assert_eq!(answer(&model(&upstream.url())).await, ANSWER, "{error}");
            assert_eq!(upstream.take_requests().len(), 2, "{error}");
        }
    }
}

#[tokio::test]
async fn a_model_that_cannot_stream_is_asked_for_a_complete_answer() {
    let complete = json!({"object": "chat.completion", "choices": [{"finish_reason": "stop",
        "message": {"role": "assistant", "content": ANSWER}}]});
    for (status, error) in errors("stream") {
        let complete = json_response(200, &complete);
        let mut upstream = Upstream::start(move |connection, _, request| {
            let rejection = || response(status, "", &error);
            connection.write(&if request["stream"] == json!(true) {
                rejection()
            } else {
                complete.clone()
            });
        });
        assert_eq!(
            sent_fields_for_two_answers(&mut upstream).await,
            [vec!["max_tokens", "stream_options"], vec!["max_tokens"], vec!["max_tokens"]]
        );
    }
}

#[tokio::test]
async fn a_model_without_a_system_role_gets_the_instructions_in_the_user_message() {
    for (status, error) in errors("system_role") {
        let mut upstream = Upstream::start(move |connection, _, request| {
            let rejection = || response(status, "", &error);
            let is_rejected = request["messages"][0]["role"] == json!("system");
            connection.write(&if is_rejected { rejection() } else { good_response() });
        });
        let model = model(&upstream.url());
        let instructions = ChatMessage { role: ChatRole::System, content: "Be brief.".to_owned() };
        let request = request();
        let messages = [vec![instructions], request.messages.clone()].concat();
        let request = ChatRequest { messages, ..request };

        for _ in 0..2 {
            drop(model.stream(request.clone()).await.unwrap());
        }

        let sent =
            upstream.take_requests().into_iter().map(|request| request.body["messages"].clone());
        let sent: Vec<_> = sent.skip(1).collect();
        let joined = json!([{"role": "user", "content": format!("Be brief.\n\n{QUESTION}")}]);
        assert_eq!(sent, [joined.clone(), joined]);
    }
}

#[tokio::test]
async fn a_request_that_is_too_long_is_recognised_in_the_error_message_of_each_upstream() {
    for (status, error) in errors("too_long") {
        let mut upstream = Upstream::with([response(status, "", &error)]);

        let failure = failure(&model(&upstream.url())).await;

        assert_eq!(failure.code(), "model_context_too_long", "{error}");
        assert_eq!(upstream.take_requests().len(), 1, "{error}");
    }
}
