//! Requests that are sent again without fields that the upstream rejects.

use serde_json::{Value, json};
use webchat_llm::{HttpChatModel, HttpSettings, TokensField};

use crate::upstream::{Upstream, good_response, json_response};
use crate::{ANSWER, answer, failure, model, settings};

/// Starts an upstream that rejects these fields.
fn upstream_without(fields: &'static [&str]) -> Upstream {
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
    upstream.requests().into_iter().map(|request| fields(request.body)).collect()
}

#[tokio::test]
async fn the_other_tokens_field_is_tried_at_once_and_remembered() {
    let mut upstream = upstream_without(&["max_tokens"]);
    let model = model(&upstream.url());

    let answers = [answer(&model).await, answer(&model).await];

    assert_eq!(answers, [ANSWER, ANSWER]);
    assert_eq!(
        sent_fields(&mut upstream),
        [
            ["max_tokens", "stream_options"],
            ["max_completion_tokens", "stream_options"],
            ["max_completion_tokens", "stream_options"],
        ]
    );
}

#[tokio::test]
async fn rejected_stream_options_are_omitted_from_then_on() {
    let mut upstream = upstream_without(&["stream_options"]);
    let model = model(&upstream.url());

    let answers = [answer(&model).await, answer(&model).await];

    assert_eq!(answers, [ANSWER, ANSWER]);
    assert_eq!(
        sent_fields(&mut upstream),
        [vec!["max_tokens", "stream_options"], vec!["max_tokens"], vec!["max_tokens"]]
    );
}

#[tokio::test]
async fn two_fields_can_be_rejected_in_one_attempt() {
    let mut upstream = upstream_without(&["max_tokens", "stream_options"]);

    assert_eq!(answer(&model(&upstream.url())).await, ANSWER);

    assert_eq!(sent_fields(&mut upstream).last().unwrap(), &["max_completion_tokens"]);
}

#[tokio::test]
async fn an_upstream_can_change_back_to_the_first_tokens_field() {
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
async fn the_request_fails_if_the_upstream_rejects_both_tokens_fields() {
    let mut upstream = upstream_without(&["max_tokens", "max_completion_tokens"]);

    let error = failure(&model(&upstream.url())).await;

    assert_eq!(error.code(), "model_failed");
    assert_eq!(upstream.requests().len(), 3);
}

#[tokio::test]
async fn a_configured_tokens_field_is_never_replaced() {
    for (tokens_field, field) in [
        (TokensField::MaxTokens, "max_tokens"),
        (TokensField::MaxCompletionTokens, "max_completion_tokens"),
    ] {
        let mut upstream = upstream_without(&["max_tokens", "max_completion_tokens"]);
        let model =
            HttpChatModel::new(HttpSettings { tokens_field, ..settings(&upstream.url()) }).unwrap();

        failure(&model).await;

        assert_eq!(sent_fields(&mut upstream), [[field, "stream_options"]]);
    }
}
