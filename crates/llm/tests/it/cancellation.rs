//! Cancelled requests.

use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::{sleep, timeout};
use webchat_llm::{ChatModel, Delta};

use crate::upstream::{STREAM_HEAD, Upstream, http_chunk, response, text_event};
use crate::{ANSWER, model, request};

const SOON: Duration = Duration::from_millis(100);

#[tokio::test]
async fn a_request_that_is_dropped_before_its_answer_closes_its_connection() {
    let mut upstream = Upstream::start(|_, _, _| {});
    let model = model(&upstream.url());

    tokio::select! {
        _ = model.stream(request()) => panic!("there is no answer"),
        _ = upstream.request() => {}
    }

    timeout(SOON, upstream.wait_for_hang_up()).await.unwrap();
}

#[tokio::test]
async fn a_request_that_is_dropped_between_head_and_answer_closes_its_connection() {
    let mut upstream = Upstream::start(|connection, _, _| connection.write(STREAM_HEAD));
    let model = model(&upstream.url());

    tokio::select! {
        _ = model.stream(request()) => panic!("there is no answer"),
        () = async { upstream.request().await; sleep(SOON).await } => {}
    }

    timeout(SOON, upstream.wait_for_hang_up()).await.unwrap();
}

#[tokio::test]
async fn text_arrives_before_the_answer_ends_and_dropping_it_closes_the_connection() {
    let mut upstream = Upstream::start(|connection, _, _| {
        connection.write(STREAM_HEAD);
        connection.write(&http_chunk(&text_event()));
    });

    let mut answer = model(&upstream.url()).stream(request()).await.unwrap();
    let delta = answer.next().await.unwrap().unwrap();
    let hung_up_early = timeout(SOON, upstream.wait_for_hang_up()).await.is_ok();
    drop(answer);

    assert_eq!(delta, Delta::Text(ANSWER.to_owned()));
    assert!(!hung_up_early);
    timeout(SOON, upstream.wait_for_hang_up()).await.unwrap();
}

#[tokio::test]
async fn a_request_that_is_dropped_before_its_retry_is_not_retried() {
    let mut upstream = Upstream::with([response(429, "retry-after-ms: 300\r\n", "")]);
    let model = model(&upstream.url());

    tokio::select! {
        _ = model.stream(request()) => panic!("the request is rejected"),
        () = async { upstream.request().await; sleep(SOON).await } => {}
    }

    // The delay plus the longest backoff.
    sleep(Duration::from_millis(900)).await;
    assert!(upstream.take_requests().is_empty());
}
