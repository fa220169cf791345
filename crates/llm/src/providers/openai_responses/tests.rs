//! Tests of reading answers.

use std::convert::Infallible;
use std::slice;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;
use webchat_domain::FinishReason;

use super::chunks;
use crate::content_filter::{FilterSeverity, FilteredCategory};
use crate::providers::answer::read_answer;
use crate::providers::reported_model::ReportedModel;
use crate::{Delta, Timeouts, Usage};

/// An answer in the format of the API, with fields that Azure adds. One character is divided between two events.
const STREAMED: &str = include_str!("streamed.sse");

const MAX_BYTES: usize = 1024 * 1024;

type Deltas = Vec<Result<Delta, &'static str>>;

/// Returns the deltas of the answer in these bytes, with errors as their codes.
async fn read(parts: Vec<Vec<u8>>) -> Deltas {
    let parts = parts.into_iter().map(|part| Ok::<_, Infallible>(Bytes::from(part)));
    let (bytes, now) = (stream::iter(parts.collect::<Vec<_>>()), Instant::now());
    let model = ReportedModel::default();
    match read_answer(bytes, MAX_BYTES, now, Timeouts::default(), model, chunks).await {
        Ok(deltas) => deltas.map(|delta| delta.map_err(|error| error.code())).collect().await,
        Err(error) => vec![Err(error.into_attempt_error(None).model_error.code())],
    }
}

async fn read_events(events: &[Value]) -> Deltas {
    let event = |data: &Value| format!("event: {}\ndata: {data}\n\n", data["type"]).into_bytes();
    read(events.iter().map(event).collect()).await
}

/// Joins the texts of adjacent deltas of the same kind, because their division depends on the chunks.
fn joined(deltas: Deltas) -> Deltas {
    let mut joined: Deltas = Vec::new();
    for delta in deltas {
        match (joined.last_mut(), &delta) {
            (Some(Ok(Delta::Text(last))), Ok(Delta::Text(more)))
            | (Some(Ok(Delta::Reasoning(last))), Ok(Delta::Reasoning(more))) => last.push_str(more),
            _ => joined.push(delta),
        }
    }
    joined
}

fn text(text: &str) -> Delta {
    Delta::Text(text.to_owned())
}

fn reasoning(text: &str) -> Delta {
    Delta::Reasoning(text.to_owned())
}

fn finished(reason: FinishReason) -> Delta {
    Delta::Finished(reason)
}

fn streamed_deltas() -> Deltas {
    let usage = Usage {
        prompt_tokens: 2006,
        cached_tokens: Some(1920),
        completion_tokens: 300,
        reasoning_tokens: Some(256),
    };
    vec![
        Ok(reasoning("**Looking at the sky**\n\nThe moon pulls.\n\n**Answering**\n\nBriefly.")),
        Ok(text("The tides 🌊 rise, für immer.")),
        Ok(Delta::Usage(usage)),
        Ok(finished(FinishReason::Stop)),
    ]
}

fn delta(kind: &str, delta: &str) -> Value {
    json!({"type": kind, "output_index": 0, "content_index": 0, "delta": delta})
}

fn text_delta(text: &str) -> Value {
    delta("response.output_text.delta", text)
}

/// Returns the event with which a response ends.
fn end(status: &str, fields: &Value) -> Value {
    let mut response = json!({"object": "response", "status": status, "output": []});
    response.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    json!({"type": format!("response.{status}"), "response": response})
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

proptest! {
    #[test]
    fn an_answer_is_read_however_its_bytes_arrive(
        cuts in prop::collection::vec(any::<Index>(), 0..40),
    ) {
        let bytes = STREAMED.as_bytes();
        let mut ends: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
        ends.extend([0, bytes.len()]);
        ends.sort_unstable();
        let parts = ends.windows(2).map(|pair| bytes[pair[0]..pair[1]].to_vec()).collect();

        let deltas = runtime().block_on(read(parts));

        prop_assert_eq!(joined(deltas), streamed_deltas());
    }

    /// A cut answer is never taken for a complete one.
    #[test]
    fn an_answer_that_is_cut_before_its_last_event_is_a_failure(cut in any::<Index>()) {
        let last = STREAMED.find("data: {\"type\":\"response.completed\"").unwrap();
        let part = STREAMED.as_bytes()[..cut.index(last)].to_vec();

        let deltas = runtime().block_on(read(vec![part]));

        prop_assert!(deltas.last().is_some_and(Result::is_err), "{:?}", deltas);
    }

    #[test]
    fn no_field_of_any_type_ends_an_answer(
        name in prop::sample::select(vec![
            "response", "delta", "output", "output_index", "content_index", "item", "part", "usage",
        ]),
        value in prop::sample::select(vec![
            json!(null), json!(5), json!("text"), json!([]), json!([[1]]), json!({"status": 7}),
            json!({"output": {}, "usage": [], "content_filters": 3, "model": []}),
        ]),
    ) {
        let odd = json!({"type": "response.something.new", (name): value});

        let deltas = runtime().block_on(read_events(&[
            odd.clone(), text_delta("tides"), odd, end("completed", &json!({})),
        ]));

        prop_assert_eq!(deltas, [Ok(text("tides")), Ok(finished(FinishReason::Stop))]);
    }
}

#[tokio::test]
async fn each_byte_of_an_answer_may_arrive_alone() {
    let parts = STREAMED.bytes().map(|byte| vec![byte]).collect();

    assert_eq!(joined(read(parts).await), streamed_deltas());
}

#[tokio::test]
async fn a_response_that_is_not_streamed_gives_the_same_deltas() {
    let last = STREAMED.lines().rfind(|line| line.starts_with("data: ")).unwrap();
    let last: Value = serde_json::from_str(last.strip_prefix("data: ").unwrap()).unwrap();

    let deltas = read(vec![last["response"].to_string().into_bytes()]).await;

    assert_eq!(joined(deltas), streamed_deltas());
}

#[tokio::test]
async fn the_last_event_adds_what_was_not_streamed() {
    let output = |text: &str| {
        json!({"output": [{"type": "message", "content": [
        {"type": "output_text", "text": text}]}]})
    };

    let all = read_events(&[end("completed", &output("tides"))]).await;
    let rest = read_events(&[text_delta("ti"), end("completed", &output("tides"))]).await;
    let other = read_events(&[text_delta("ti"), end("completed", &output("moon"))]).await;

    let stopped = || Ok(finished(FinishReason::Stop));
    assert_eq!(all, [Ok(text("tides")), stopped()]);
    assert_eq!(rest, [Ok(text("ti")), Ok(text("des")), stopped()]);
    assert_eq!(other, [Ok(text("ti")), stopped()]);
}

#[tokio::test]
async fn parts_of_a_text_and_raw_reasoning_are_paragraphs() {
    let part = |kind, item, delta| json!({"type": kind, "output_index": item, "delta": delta});
    let (raw, plain) = ("response.reasoning_text.delta", "response.output_text.delta");

    let deltas = read_events(&[
        part(raw, 0, "Hm."),
        part(plain, 1, "First."),
        part(raw, 2, "So."),
        part(plain, 3, "Second."),
        end("completed", &json!({})),
    ])
    .await;

    assert_eq!(
        deltas,
        [
            Ok(reasoning("Hm.")),
            Ok(text("First.")),
            Ok(reasoning("\n\nSo.")),
            Ok(text("\n\nSecond.")),
            Ok(finished(FinishReason::Stop)),
        ]
    );
}

#[tokio::test]
async fn an_incomplete_answer_says_why() {
    let incomplete =
        |reason: &str| end("incomplete", &json!({"incomplete_details": {"reason": reason}}));
    let tides = || text_delta("tides");
    for (events, expected) in [
        (
            vec![tides(), incomplete("max_output_tokens")],
            vec![Ok(text("tides")), Ok(finished(FinishReason::Length))],
        ),
        (
            vec![tides(), incomplete("content_filter")],
            vec![Ok(text("tides")), Ok(finished(FinishReason::ContentFilter))],
        ),
        (vec![incomplete("content_filter")], vec![Ok(finished(FinishReason::ContentFilter))]),
        (vec![incomplete("max_output_tokens")], vec![Err("model_empty_answer")]),
        (vec![tides(), incomplete("steered")], vec![Ok(text("tides")), Err("model_failed")]),
        (
            vec![tides(), end("incomplete", &json!({}))],
            vec![Ok(text("tides")), Err("model_failed")],
        ),
    ] {
        assert_eq!(read_events(&events).await, expected, "{events:?}");
    }
}

#[tokio::test]
async fn a_filtered_answer_has_its_categories_without_those_of_the_question() {
    let results = json!({
        "incomplete_details": {"reason": "content_filter"},
        "content_filters": [
            {"source_type": "prompt", "blocked": false, "content_filter_results": {
                "jailbreak": {"filtered": true, "detected": true}}},
            {"source_type": "completion", "blocked": true, "content_filter_results": {
                "hate": {"filtered": false, "severity": "safe"},
                "violence": {"filtered": true, "severity": "medium"}}},
        ],
    });

    let deltas = read_events(&[text_delta("tides"), end("incomplete", &results)]).await;

    let severity = Some(FilterSeverity::Medium);
    let violence = FilteredCategory { name: "violence".to_owned(), severity };
    assert_eq!(
        deltas,
        [
            Ok(text("tides")),
            Ok(Delta::Filtered(vec![violence])),
            Ok(finished(FinishReason::ContentFilter))
        ]
    );
}

#[tokio::test]
async fn what_is_no_answer_is_an_error() {
    let refusal = delta("response.refusal.delta", "I can't.");
    let only_reasoning = delta("response.reasoning_text.delta", "Hm.");
    let completed = || end("completed", &json!({}));
    for (events, expected) in [
        (vec![completed()], vec![Err("model_empty_answer")]),
        (vec![refusal, completed()], vec![Ok(text("I can't.")), Err("model_refused")]),
        (vec![only_reasoning, completed()], vec![Ok(reasoning("Hm.")), Err("model_empty_answer")]),
        (vec![text_delta("tides")], vec![Ok(text("tides")), Err("model_failed")]),
    ] {
        assert_eq!(read_events(&events).await, expected, "{events:?}");
    }
}

#[tokio::test]
async fn an_error_is_classified_before_and_in_the_middle_of_an_answer() {
    let failed =
        |code: &str| end("failed", &json!({"error": {"code": code, "message": "my diary"}}));
    let bare =
        json!({"type": "error", "code": "server_error", "message": "my diary", "param": null});
    let wrapped = json!({"type": "error", "error": {"code": "rate_limit_exceeded"}});
    for (event, code) in [
        (failed("server_error"), "model_failed"),
        (failed("rate_limit_exceeded"), "model_rate_limited"),
        (failed("context_length_exceeded"), "model_context_too_long"),
        (failed("invalid_prompt"), "model_content_filter"),
        (failed("bio_policy"), "model_content_filter"),
        (end("failed", &json!({})), "model_failed"),
        (end("cancelled", &json!({})), "model_failed"),
        (bare, "model_failed"),
        (wrapped, "model_rate_limited"),
    ] {
        let before = read_events(slice::from_ref(&event)).await;
        let middle = read_events(&[text_delta("tides"), event.clone()]).await;

        assert_eq!(before, [Err(code)], "{event}");
        assert_eq!(middle, [Ok(text("tides")), Err(code)], "{event}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_stays_open_after_the_last_event_is_closed() {
    let start = stream::iter([Ok::<_, Infallible>(Bytes::from(STREAMED))]);
    let (now, model) = (Instant::now(), ReportedModel::default());
    let bytes = start.chain(stream::pending());

    let answer = read_answer(bytes, MAX_BYTES, now, Timeouts::default(), model, chunks).await;
    let deltas: Vec<_> = answer.ok().unwrap().collect().await;

    assert!(matches!(deltas.last(), Some(Ok(Delta::Finished(FinishReason::Stop)))), "{deltas:?}");
    assert_eq!(now.elapsed(), Duration::from_secs(1));
}
