//! The circuit breaker.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::{advance, pause, resume};
use webchat_llm::{ChatModel, HttpChatModel};

use crate::upstream::{
    STREAM_HEAD, Upstream, good_response, http_chunk, json_response, response, text_event,
};
use crate::{ANSWER, answer, collect, failure, model, model_with_short_timeouts, request};

/// Returns an upstream that fails `failures` times, at least five, and its model, whose circuit breaker
/// has opened after five of them.
async fn open_breaker_after(failures: usize) -> (Upstream, HttpChatModel) {
    let error = response(500, "", "");
    let upstream = Upstream::with(vec![error; failures].into_iter().chain([good_response()]));
    let model = model(&upstream.url());
    // Three attempts, then two.
    failure(&model).await;
    failure(&model).await;
    (upstream, model)
}

/// Advances the clock without waiting.
async fn skip(time: Duration) {
    pause();
    advance(time).await;
    resume();
}

/// Checks that the next request is rejected at once. Returns the message for the user.
async fn assert_rejected_at_once(model: &HttpChatModel) -> String {
    let started = Instant::now();
    let error = failure(model).await;
    assert!(started.elapsed() < Duration::from_millis(50), "{:?}", started.elapsed());
    assert_eq!(error.code(), "model_unreachable");
    error.to_string()
}

#[tokio::test]
async fn after_five_failures_requests_are_rejected_without_reaching_the_upstream() {
    let (mut upstream, model) = open_breaker_after(20).await;

    let message = assert_rejected_at_once(&model).await;

    assert_eq!(message, "The model can't be reached right now. Please try again in 5 seconds.");
    assert_eq!(upstream.take_requests().len(), 5);
}

#[tokio::test]
async fn the_first_request_after_the_open_time_closes_the_breaker_if_it_succeeds() {
    let (mut upstream, model) = open_breaker_after(5).await;

    skip(Duration::from_millis(4_500)).await;
    assert_rejected_at_once(&model).await;
    skip(Duration::from_millis(501)).await;
    let probe = answer(&model).await;
    let probed_at = Instant::now();
    let next = answer(&model).await;

    assert_eq!((probe.as_str(), next.as_str()), (ANSWER, ANSWER));
    assert!(probed_at.elapsed() < Duration::from_secs(1));
    assert_eq!(upstream.take_requests().len(), 7);
}

#[tokio::test]
async fn a_failing_upstream_gets_one_request_per_open_time() {
    let (mut upstream, model) = open_breaker_after(20).await;

    for _ in 0..3 {
        skip(Duration::from_secs(5)).await;
        assert_eq!(failure(&model).await.code(), "model_failed");
        assert_rejected_at_once(&model).await;
    }

    assert_eq!(upstream.take_requests().len(), 5 + 3);
}

#[tokio::test]
async fn while_one_request_probes_the_others_are_rejected_at_once() {
    let mut upstream = Upstream::start(|connection, number, _| {
        if number < 5 {
            connection.write(&response(500, "", ""));
        }
    });
    let model = model(&upstream.url());
    failure(&model).await;
    failure(&model).await;
    skip(Duration::from_secs(5)).await;
    upstream.take_requests();

    // The probe is cancelled: the next request probes instead.
    tokio::select! {
        probe = collect(&model) => panic!("{probe:?}"),
        _ = upstream.request() => {}
    }
    let mut probe = model.stream(request());
    tokio::select! {
        _ = &mut probe => panic!("nobody answers"),
        _ = upstream.request() => {}
    }
    let message = assert_rejected_at_once(&model).await;

    assert_eq!(message, "The model can't be reached right now. Please try again in a moment.");
    assert!(upstream.take_requests().is_empty());
}

#[tokio::test]
async fn timeouts_and_closed_connections_open_the_breaker() {
    let silent = Upstream::start(|_, _, _| {});
    let silent_after_its_head = Upstream::start(|connection, _, _| connection.write(STREAM_HEAD));
    let gone = Upstream::start(|connection, _, _| connection.close());
    for upstream in [silent, silent_after_its_head, gone] {
        let model = model_with_short_timeouts(&upstream.url());

        for _ in 0..5 {
            failure(&model).await;
        }

        assert_rejected_at_once(&model).await;
    }
}

#[tokio::test]
async fn client_errors_do_not_open_the_breaker() {
    let filtered = json_response(400, &json!({"error": {"code": "content_filter"}}));
    for error_response in [
        response(400, "", ""),
        response(401, "", ""),
        response(404, "", ""),
        response(429, "retry-after: 300\r\n", ""),
        filtered,
    ] {
        let mut upstream = Upstream::with([error_response]);
        let model = model(&upstream.url());

        for _ in 0..10 {
            failure(&model).await;
        }

        assert_eq!(upstream.take_requests().len(), 10);
    }
}

#[tokio::test]
async fn an_interrupted_answer_does_not_count_as_a_failure() {
    let mut upstream = Upstream::start(|connection, _, _| {
        connection.write(STREAM_HEAD);
        connection.write(&http_chunk(&text_event()));
        connection.close();
    });
    let model = model(&upstream.url());

    for _ in 0..10 {
        failure(&model).await;
    }

    assert_eq!(upstream.take_requests().len(), 10);
}
