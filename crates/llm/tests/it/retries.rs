//! Retries.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;

use crate::upstream::{
    STREAM_HEAD, Upstream, event, good_response, http_chunk, json_response, response,
    stream_response, text_event,
};
use crate::{ANSWER, answer, collect, failure, model};

fn rate_limit(header: &str) -> String {
    response(429, header, "{}")
}

#[tokio::test]
async fn a_failure_before_the_answer_is_retried() {
    let busy = json!({"error": {"code": 429, "message": "Rate limit reached"}});
    for failure in [
        rate_limit(""),
        response(500, "", ""),
        response(503, "", "<html>"),
        // Errors at the beginning of a stream, one of them after Azure's first chunk.
        stream_response(&event(&busy)),
        stream_response(&format!("{}{}", event(&json!({"choices": []})), event(&busy))),
        // A stream that ends before the answer begins.
        stream_response(""),
        STREAM_HEAD.to_owned() + "zz\r\n",
        "no HTTP at all\r\n\r\n".to_owned(),
    ] {
        let mut upstream = Upstream::with([failure.clone(), good_response()]);

        assert_eq!(answer(&model(&upstream.url())).await, ANSWER, "{failure}");

        assert_eq!(upstream.take_requests().len(), 2, "{failure}");
    }
}

#[tokio::test]
async fn a_connection_that_is_reset_before_the_answer_is_retried() {
    let mut upstream = Upstream::start(|connection, number, _| match number {
        0 => connection.reset(),
        1 => {
            connection.write(STREAM_HEAD);
            connection.reset();
        }
        _ => connection.write(&good_response()),
    });

    assert_eq!(answer(&model(&upstream.url())).await, ANSWER);

    assert_eq!(upstream.take_requests().len(), 3);
}

#[tokio::test]
async fn there_are_at_most_three_attempts() {
    let mut upstream = Upstream::with([response(500, "", "")]);

    assert_eq!(failure(&model(&upstream.url())).await.code(), "model_failed");

    assert_eq!(upstream.take_requests().len(), 3);
}

#[tokio::test]
async fn the_delay_that_the_upstream_asks_for_is_respected() {
    for header in
        ["retry-after-ms: 400\r\n", "retry-after: 0.4\r\n", "x-ratelimit-reset-tokens: 400ms\r\n"]
    {
        let upstream = Upstream::with([rate_limit(header), good_response()]);
        let model = model(&upstream.url());
        let sent_at = Instant::now();

        assert_eq!(answer(&model).await, ANSWER);

        // The backoff comes on top of the delay.
        let duration = sent_at.elapsed();
        assert!((400..1_200).contains(&duration.as_millis()), "{header}: {duration:?}");
    }
}

#[tokio::test]
async fn a_delay_of_more_than_two_minutes_is_reported_at_once() {
    for (status, error) in [
        (429, "The model is busy. Please try again in 5 minutes."),
        (503, "The model can't be reached right now. Please try again in 5 minutes."),
    ] {
        let mut upstream = Upstream::with([response(status, "retry-after: 300\r\n", "")]);

        assert_eq!(failure(&model(&upstream.url())).await.to_string(), error);

        assert_eq!(upstream.take_requests().len(), 1);
    }
}

#[tokio::test]
async fn permanent_errors_are_not_retried() {
    let filtered = json!({"error": {"code": "content_filter"}});
    for (response, code) in [
        (response(400, "", ""), "model_failed"),
        (response(401, "", ""), "model_key_refused"),
        (response(404, "", ""), "model_not_found"),
        (json_response(400, &filtered), "model_content_filter"),
        (json_response(500, &filtered), "model_content_filter"),
        (json_response(429, &filtered), "model_content_filter"),
        (stream_response(&event(&filtered)), "model_content_filter"),
        (
            json_response(429, &json!({"error": {"code": "insufficient_quota"}})),
            "model_key_refused",
        ),
    ] {
        let mut upstream = Upstream::with([response, good_response()]);

        assert_eq!(failure(&model(&upstream.url())).await.code(), code);

        assert_eq!(upstream.take_requests().len(), 1, "{code}");
    }
}

#[tokio::test]
async fn an_answer_that_has_started_is_not_retried() {
    let start = event(&json!({"choices": [{"delta": {"role": "assistant", "content": ""}}]}));
    let busy = event(&json!({"error": {"code": 429}}));
    for (events, deltas) in
        [(start.clone(), 0), (text_event(), 1), (text_event() + &busy, 1), (start + &busy, 0)]
    {
        let mut upstream = Upstream::start(move |connection, _, _| {
            connection.write(STREAM_HEAD);
            connection.write(&http_chunk(&events));
            connection.close();
        });

        let received = collect(&model(&upstream.url())).await;

        assert_eq!(received.iter().filter(|delta| delta.is_ok()).count(), deltas);
        assert!(received.last().unwrap().is_err());
        assert_eq!(upstream.take_requests().len(), 1);
    }
}

#[tokio::test]
async fn an_upstream_that_rejects_all_requests_gets_few_retries() {
    const USERS: usize = 40;
    let mut upstream = Upstream::with([rate_limit("")]);
    let model = model(&upstream.url());

    let failures = join_all((0..USERS).map(|_| failure(&model))).await;

    assert!(failures.iter().all(|error| error.code() == "model_rate_limited"));
    assert_eq!(upstream.take_requests().len(), USERS + 6);
}

#[tokio::test]
async fn answers_refill_the_retry_budget() {
    let failure_and_answer = [response(500, "", ""), good_response()];
    let upstream = Upstream::with(std::iter::repeat_n(failure_and_answer, 10).flatten());
    let model = model(&upstream.url());

    let mut retry_count = 0;
    while collect(&model).await.iter().all(Result::is_ok) {
        retry_count += 1;
    }

    // Six from the full budget, and one that their answers refill.
    assert_eq!(retry_count, 7);
}

#[tokio::test]
async fn retries_of_simultaneous_failures_are_spread() {
    let mut upstream = Upstream::with([rate_limit("")]);
    let model = model(&upstream.url());
    let requests = join_all((0..6).map(|_| failure(&model)));
    let mut arrivals = Vec::new();
    let watching = async {
        for _ in 0..12 {
            upstream.request().await;
            arrivals.push(Instant::now());
        }
    };

    tokio::join!(requests, watching);

    let spread = arrivals[11] - arrivals[6];
    assert!(spread > Duration::from_millis(50), "{spread:?}");
}
