//! Models with several deployments.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::{advance, pause, resume};
use webchat_domain::ConversationId;
use webchat_llm::{
    BreakerState, ChatModel, DeploymentSettings, HttpChatModel, HttpSettings, Timeouts,
};

use crate::upstream::{
    Upstream, event, good_response, json_response, response, stream_response, text_event,
};
use crate::{ANSWER, answer, failure, request, settings};

fn deployment(name: &str, order: u32, url: &str) -> DeploymentSettings {
    // Long enough for a busy machine, and short enough for an upstream that hangs.
    let timeout = Duration::from_secs(2);
    let timeouts = Timeouts { connect: timeout, first_delta: timeout, idle: timeout };
    let http = HttpSettings { timeouts, ..settings(url) };
    DeploymentSettings { name: name.to_owned(), order, weight: 1, http }
}

/// Returns a model with these deployments, which are asked in this order.
fn model<'a>(upstreams: impl IntoIterator<Item = &'a Upstream>) -> HttpChatModel {
    let deployments = (1..)
        .zip(upstreams)
        .map(|(order, upstream)| deployment(&format!("d{order}"), order, &upstream.url()));
    HttpChatModel::with_deployments(deployments.collect()).unwrap()
}

fn rate_limit(seconds: u32) -> String {
    response(429, &format!("retry-after: {seconds}\r\n"), "{}")
}

#[tokio::test]
async fn one_deployment_of_three_is_enough() {
    let no_credit = json!({"error": {"code": "insufficient_quota", "message": "No credit left"}});
    for failing in [
        response(500, "", ""),
        response(503, "", "<html>"),
        rate_limit(30),
        response(401, "", "{}"),
        response(403, "", "{}"),
        response(404, "", "{}"),
        json_response(429, &no_credit),
        stream_response(&event(&json!({"error": {"code": 500, "message": "Internal error"}}))),
        stream_response(""),
        "no HTTP at all\r\n\r\n".to_owned(),
    ] {
        for working in 0..3 {
            let mut upstreams = [0, 1, 2].map(|index| {
                Upstream::with([if index == working { good_response() } else { failing.clone() }])
            });
            let model = model(&upstreams);
            let sent_at = Instant::now();

            assert_eq!(answer(&model).await, ANSWER, "{failing}");

            assert!(sent_at.elapsed() < Duration::from_secs(2), "without a delay: {failing}");
            let requests = upstreams.each_mut().map(|upstream| upstream.take_requests().len());
            assert_eq!(requests, [0, 1, 2].map(|index| usize::from(index <= working)), "{failing}");
        }
    }
}

#[tokio::test]
async fn a_deployment_that_hangs_or_is_gone_is_replaced() {
    let hanging = Upstream::start(|_, _, _| std::thread::sleep(Duration::from_secs(20)));
    let working = Upstream::with([good_response()]);
    let gone = deployment("gone", 1, "http://127.0.0.1:1/v1/chat/completions");
    let deployments = vec![
        gone,
        deployment("hanging", 2, &hanging.url()),
        deployment("working", 3, &working.url()),
    ];

    let model = HttpChatModel::with_deployments(deployments).unwrap();

    assert_eq!(answer(&model).await, ANSWER);
    let states = model.deployments();
    let failures = states.iter().map(|state| state.last_failure.as_ref().map(|last| last.code));
    let unreachable = Some("model_unreachable");
    assert_eq!(failures.collect::<Vec<_>>(), [unreachable, unreachable, None]);
    assert!(states[2].answered_after.is_some());
}

#[tokio::test]
async fn once_an_answer_has_begun_no_other_deployment_is_asked() {
    let broken = stream_response(&text_event());
    let (first, mut second) = (Upstream::with([broken]), Upstream::with([good_response()]));

    failure(&model([&first, &second])).await;

    assert_eq!(second.take_requests().len(), 0);
}

#[tokio::test]
async fn what_depends_on_the_request_is_not_sent_to_another_deployment() {
    let filtered = json!({"error": {"code": "content_filter", "message": "filtered"}});
    let too_long = json!({"error": {"code": "context_length_exceeded", "message": "too long"}});
    for (error, code) in [(filtered, "model_content_filter"), (too_long, "model_context_too_long")]
    {
        let first = Upstream::with([json_response(400, &error)]);
        let mut second = Upstream::with([good_response()]);

        assert_eq!(failure(&model([&first, &second])).await.code(), code);

        assert_eq!(second.take_requests().len(), 0, "{code}");
    }
}

#[tokio::test]
async fn a_deployment_that_asked_to_wait_is_left_out_until_then() {
    let mut first = Upstream::with([rate_limit(30), good_response()]);
    let mut second = Upstream::with([good_response()]);
    let model = model([&first, &second]);
    let mut requests = || (first.take_requests().len(), second.take_requests().len());

    answer(&model).await;
    answer(&model).await;
    let while_paused = requests();
    let paused_for = model.deployments()[0].paused_for.unwrap();
    pause();
    advance(Duration::from_secs(30)).await;
    resume();
    answer(&model).await;

    assert_eq!(while_paused, (1, 2));
    assert!((25..=30).contains(&paused_for.as_secs()), "{paused_for:?}");
    assert_eq!(requests(), (1, 0));
    assert_eq!(model.deployments()[0].paused_for, None);
}

#[tokio::test]
async fn if_all_deployments_ask_to_wait_the_shortest_time_counts() {
    let mut upstreams = [Upstream::with([rate_limit(300)]), Upstream::with([rate_limit(200)])];
    let model = model(&upstreams);
    failure(&model).await;
    for upstream in &mut upstreams {
        upstream.take_requests();
    }

    let message = failure(&model).await.to_string();

    assert_eq!(message, "The model is busy. Please try again in 4 minutes.");
    let requests = upstreams.each_mut().map(|upstream| upstream.take_requests().len());
    assert_eq!(requests, [0, 1]);
}

#[tokio::test]
async fn a_deployment_with_an_open_breaker_is_not_asked() {
    let mut first = Upstream::with([response(500, "", "")]);
    let second = Upstream::with([good_response()]);
    let model = model([&first, &second]);

    for _ in 0..8 {
        assert_eq!(answer(&model).await, ANSWER);
    }

    assert_eq!(first.take_requests().len(), 5);
    let breakers = model.deployments().into_iter().map(|state| state.breaker);
    assert_eq!(breakers.collect::<Vec<_>>(), [BreakerState::Open, BreakerState::Closed]);
}

#[tokio::test]
async fn retries_of_all_deployments_have_one_budget() {
    let mut upstreams = [0, 1].map(|_| Upstream::with([rate_limit(0)]));
    let model = model(&upstreams);

    for _ in 0..10 {
        failure(&model).await;
    }

    // Each request asks both, and there are six retries.
    let requests = upstreams.each_mut().map(|upstream| upstream.take_requests().len());
    assert_eq!(requests, [16, 16]);
}

#[tokio::test]
async fn a_conversation_stays_with_its_deployment() {
    let mut upstreams = [0, 1, 2].map(|_| Upstream::with([good_response()]));
    let deployments = (1..)
        .zip(&upstreams)
        .map(|(number, upstream)| deployment(&format!("d{number}"), 1, &upstream.url()));
    let model = HttpChatModel::with_deployments(deployments.collect()).unwrap();
    let mut conversation = async || {
        let conversation_id = Some(ConversationId::generate());
        for _ in 0..3 {
            let request = webchat_llm::ChatRequest { conversation_id, ..request() };
            drop(model.stream(request).await.unwrap());
        }
        upstreams.each_mut().map(|upstream| upstream.take_requests().len())
    };

    let mut used = [0; 3];
    for _ in 0..20 {
        let requests = conversation().await;
        assert!(requests.contains(&3), "{requests:?}");
        used = std::array::from_fn(|index| used[index] + requests[index]);
    }

    assert!(used.iter().all(|requests| *requests > 0), "{used:?}");
}
