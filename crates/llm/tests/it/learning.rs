use serde_json::{Value, json};
use webchat_llm::{HttpChatModel, HttpSettings, TokensField};

use crate::upstream::{Upstream, good_response, json_response};
use crate::{ANSWER, answer, model, refusal, settings};

/// An upstream that does not know these fields.
fn upstream_without(fields: &'static [&str]) -> Upstream {
    Upstream::start(move |connection, _, body| {
        let unknown = fields.iter().find(|field| body.get(**field).is_some());
        connection.write(&unknown.map_or_else(good_response, |field| does_not_know(field)));
    })
}

fn does_not_know(field: &str) -> String {
    let error = json!({"error": {
        "message": format!("Unsupported parameter: '{field}' is not supported with this model."),
        "type": "invalid_request_error", "param": field, "code": "unsupported_parameter",
    }});
    json_response(400, &error)
}

/// Which of the fields that not all upstreams know were in each request.
fn sent(upstream: &mut Upstream) -> Vec<Vec<&'static str>> {
    let optional = ["max_tokens", "max_completion_tokens", "stream_options"];
    let fields =
        |body: Value| optional.into_iter().filter(|field| body.get(field).is_some()).collect();
    upstream.requests().into_iter().map(|request| fields(request.body)).collect()
}

#[tokio::test]
async fn the_field_for_tokens_is_learnt_at_once_and_remembered() {
    let mut upstream = upstream_without(&["max_tokens"]);
    let model = model(&upstream.url());

    let answers = [answer(&model).await, answer(&model).await];

    assert_eq!(answers, [ANSWER, ANSWER]);
    assert_eq!(
        sent(&mut upstream),
        [
            ["max_tokens", "stream_options"],
            ["max_completion_tokens", "stream_options"],
            ["max_completion_tokens", "stream_options"],
        ]
    );
}

#[tokio::test]
async fn stream_options_are_given_up_where_they_are_not_known() {
    let mut upstream = upstream_without(&["stream_options"]);
    let model = model(&upstream.url());

    let answers = [answer(&model).await, answer(&model).await];

    assert_eq!(answers, [ANSWER, ANSWER]);
    assert_eq!(
        sent(&mut upstream),
        [vec!["max_tokens", "stream_options"], vec!["max_tokens"], vec!["max_tokens"]]
    );
}

#[tokio::test]
async fn both_are_learnt_in_one_request() {
    let mut upstream = upstream_without(&["max_tokens", "stream_options"]);

    assert_eq!(answer(&model(&upstream.url())).await, ANSWER);

    assert_eq!(sent(&mut upstream).last().unwrap(), &["max_completion_tokens"]);
}

#[tokio::test]
async fn an_upstream_that_wants_the_first_field_back_is_followed() {
    let mut upstream = Upstream::with([
        does_not_know("max_tokens"),
        good_response(),
        does_not_know("max_completion_tokens"),
        good_response(),
    ]);
    let model = model(&upstream.url());

    let answers = [answer(&model).await, answer(&model).await];

    assert_eq!(answers, [ANSWER, ANSWER]);
    assert_eq!(sent(&mut upstream).last().unwrap(), &["max_tokens", "stream_options"]);
}

#[tokio::test]
async fn what_knows_neither_field_ends_in_an_error() {
    let mut upstream = upstream_without(&["max_tokens", "max_completion_tokens"]);

    let error = refusal(&model(&upstream.url())).await;

    assert_eq!(error.code(), "model_failed");
    assert_eq!(upstream.requests().len(), 3);
}

#[tokio::test]
async fn a_field_that_the_operator_chose_is_kept() {
    for (tokens_field, field) in [
        (TokensField::MaxTokens, "max_tokens"),
        (TokensField::MaxCompletionTokens, "max_completion_tokens"),
    ] {
        let mut upstream = upstream_without(&["max_tokens", "max_completion_tokens"]);
        let model =
            HttpChatModel::new(HttpSettings { tokens_field, ..settings(&upstream.url()) }).unwrap();

        refusal(&model).await;

        assert_eq!(sent(&mut upstream), [[field, "stream_options"]]);
    }
}
