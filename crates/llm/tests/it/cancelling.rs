use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::{sleep, timeout};
use webchat_llm::{ChatModel, Delta};

use crate::upstream::{STREAM, Upstream, part, response, text_event};
use crate::{ANSWER, model, request};

const AT_ONCE: Duration = Duration::from_millis(100);

#[tokio::test]
async fn a_request_that_is_dropped_before_its_answer_closes_its_connection() {
    let mut upstream = Upstream::start(|_, _, _| {});
    let model = model(&upstream.url());

    tokio::select! {
        _ = model.stream(request()) => panic!("nobody answers"),
        _ = upstream.request() => {}
    }

    timeout(AT_ONCE, upstream.hung_up()).await.unwrap();
}

#[tokio::test]
async fn a_request_that_is_dropped_between_head_and_answer_closes_its_connection() {
    let mut upstream = Upstream::start(|connection, _, _| connection.write(STREAM));
    let model = model(&upstream.url());

    tokio::select! {
        _ = model.stream(request()) => panic!("nobody answers"),
        () = async { upstream.request().await; sleep(AT_ONCE).await } => {}
    }

    timeout(AT_ONCE, upstream.hung_up()).await.unwrap();
}

#[tokio::test]
async fn text_arrives_before_the_answer_ends_and_dropping_it_closes_the_connection() {
    let mut upstream = Upstream::start(|connection, _, _| {
        connection.write(STREAM);
        connection.write(&part(&text_event()));
    });

    let mut answer = model(&upstream.url()).stream(request()).await.unwrap();
    let delta = answer.next().await.unwrap().unwrap();
    let closed_early = timeout(AT_ONCE, upstream.hung_up()).await.is_ok();
    drop(answer);

    assert_eq!(delta, Delta::Text(ANSWER.to_owned()));
    assert!(!closed_early);
    timeout(AT_ONCE, upstream.hung_up()).await.unwrap();
}

#[tokio::test]
async fn a_request_that_is_dropped_while_it_waits_to_be_sent_again_is_not() {
    let mut upstream = Upstream::with([response(429, "retry-after-ms: 300\r\n", "")]);
    let model = model(&upstream.url());

    tokio::select! {
        _ = model.stream(request()) => panic!("it is refused"),
        () = async { upstream.request().await; sleep(AT_ONCE).await } => {}
    }

    // The wait and the longest backoff.
    sleep(Duration::from_millis(900)).await;
    assert!(upstream.requests().is_empty());
}
