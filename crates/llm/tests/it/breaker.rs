use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::{advance, pause, resume};
use webchat_llm::{ChatModel, HttpChatModel};

use crate::upstream::{STREAM, Upstream, good_response, json_response, part, response, text_event};
use crate::{ANSWER, answer, ask, impatient, model, refusal, request};

/// An upstream that fails so many times, and the model that has found out.
async fn given_up_after(failures: usize) -> (Upstream, HttpChatModel) {
    let failure = response(500, "", "");
    let upstream = Upstream::with(vec![failure; failures].into_iter().chain([good_response()]));
    let model = model(&upstream.url());
    // Three tries, and two.
    refusal(&model).await;
    refusal(&model).await;
    (upstream, model)
}

/// Time that nobody waits for.
async fn let_pass(time: Duration) {
    pause();
    advance(time).await;
    resume();
}

async fn quickly_refused(model: &HttpChatModel) -> String {
    let asked = Instant::now();
    let error = refusal(model).await;
    assert!(asked.elapsed() < Duration::from_millis(50), "{:?}", asked.elapsed());
    assert_eq!(error.code(), "model_unreachable");
    error.to_string()
}

#[tokio::test]
async fn after_five_failures_users_are_told_at_once_and_the_upstream_is_let_alone() {
    let (mut upstream, model) = given_up_after(20).await;

    let told = quickly_refused(&model).await;

    assert_eq!(told, "The model can't be reached right now. Please try again in 5 seconds.");
    assert_eq!(upstream.requests().len(), 5);
}

#[tokio::test]
async fn an_upstream_that_works_again_is_found_out_by_the_first_request_after_the_rest() {
    let (mut upstream, model) = given_up_after(5).await;

    let_pass(Duration::from_millis(4_500)).await;
    quickly_refused(&model).await;
    let_pass(Duration::from_millis(501)).await;
    let probe = answer(&model).await;
    let good = Instant::now();
    let next = answer(&model).await;

    assert_eq!((probe.as_str(), next.as_str()), (ANSWER, ANSWER));
    assert!(good.elapsed() < Duration::from_secs(1));
    assert_eq!(upstream.requests().len(), 7);
}

#[tokio::test]
async fn an_upstream_that_still_fails_gets_one_request_after_each_rest() {
    let (mut upstream, model) = given_up_after(20).await;

    for _ in 0..3 {
        let_pass(Duration::from_secs(5)).await;
        assert_eq!(refusal(&model).await.code(), "model_failed");
        quickly_refused(&model).await;
    }

    assert_eq!(upstream.requests().len(), 5 + 3);
}

#[tokio::test]
async fn while_one_request_tries_the_others_are_refused_at_once() {
    let mut upstream = Upstream::start(|connection, number, _| {
        if number < 5 {
            connection.write(&response(500, "", ""));
        }
    });
    let model = model(&upstream.url());
    refusal(&model).await;
    refusal(&model).await;
    let_pass(Duration::from_secs(5)).await;
    upstream.requests();

    // Whoever asked has gone: the next request tries in its place.
    tokio::select! {
        probe = ask(&model) => panic!("{probe:?}"),
        _ = upstream.request() => {}
    }
    let mut probe = model.stream(request());
    tokio::select! {
        _ = &mut probe => panic!("nobody answers"),
        _ = upstream.request() => {}
    }
    let told = quickly_refused(&model).await;

    assert_eq!(told, "The model can't be reached right now. Please try again in a moment.");
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn an_upstream_that_is_silent_or_gone_is_let_alone_too() {
    let silent = Upstream::start(|_, _, _| {});
    let silent_after_its_head = Upstream::start(|connection, _, _| connection.write(STREAM));
    let gone = Upstream::start(|connection, _, _| connection.close());
    for upstream in [silent, silent_after_its_head, gone] {
        let model = impatient(&upstream.url());

        for _ in 0..5 {
            refusal(&model).await;
        }

        quickly_refused(&model).await;
    }
}

#[tokio::test]
async fn an_upstream_that_says_no_works() {
    let filtered = json_response(400, &json!({"error": {"code": "content_filter"}}));
    for says_no in [
        response(400, "", ""),
        response(401, "", ""),
        response(404, "", ""),
        response(429, "retry-after: 300\r\n", ""),
        filtered,
    ] {
        let mut upstream = Upstream::with([says_no]);
        let model = model(&upstream.url());

        for _ in 0..10 {
            refusal(&model).await;
        }

        assert_eq!(upstream.requests().len(), 10);
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_does_not_count() {
    let mut upstream = Upstream::start(|connection, _, _| {
        connection.write(STREAM);
        connection.write(&part(&text_event()));
        connection.close();
    });
    let model = model(&upstream.url());

    for _ in 0..10 {
        refusal(&model).await;
    }

    assert_eq!(upstream.requests().len(), 10);
}
