//! Tests of reading answers.

mod content_filter;
mod encodings;
mod errors;
mod odd_json;
mod reasoning;
mod timing;

use std::convert::Infallible;

use serde_json::json;

use super::*;
use crate::Usage;
use crate::http::events::MAX_EVENT_BYTES;
use crate::providers::openai_chat::chunks;

const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(1),
    first_delta: Duration::from_mins(2),
    idle: Duration::from_mins(1),
};

/// The maximum size of the events of an answer; larger than a single event may be.
const MAX_BYTES: usize = 4 * MAX_EVENT_BYTES;

const TEXT: &str = r#"{"choices":[{"delta":{"content":"tides"}}]}"#;
const STOP: &str = r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#;

type Deltas = Vec<Result<Delta, &'static str>>;

const STOPPED: Result<Delta, &str> = Ok(Delta::Finished(FinishReason::Stop));

/// Returns the deltas of the answer in these bytes, with errors as their codes.
async fn read(parts: impl IntoIterator<Item = Vec<u8>>) -> Deltas {
    let parts: Vec<_> = parts.into_iter().map(|part| Ok::<_, Infallible>(part.into())).collect();
    collect(stream::iter(parts), Instant::now()).await
}

async fn read_events(events: &[&str]) -> Deltas {
    read(events.iter().map(|data| format!("data: {data}\n\n").into())).await
}

async fn collect(
    bytes: impl Stream<Item = Result<Bytes, Infallible>> + Send + 'static,
    sent_at: Instant,
) -> Deltas {
    let model = ReportedModel::default();
    match read_answer(bytes, MAX_BYTES, sent_at, TIMEOUTS, model, chunks).await {
        Ok(deltas) => deltas.map(|delta| delta.map_err(|error| error.code())).collect().await,
        Err(error) => vec![Err(error.into_attempt_error(None).model_error.code())],
    }
}

fn reasoning(text: &str) -> Delta {
    Delta::Reasoning(text.to_owned())
}

fn text(text: &str) -> Delta {
    Delta::Text(text.to_owned())
}

#[tokio::test]
async fn azure_chunks_without_choices_or_content_give_no_delta() {
    let deltas = read_events(&[
        r#"{"choices":[],"model":"","prompt_filter_results":[{"prompt_index":0}]}"#,
        r#"{"choices":[{"delta":{"content":null,"role":"assistant"},"finish_reason":null}]}"#,
        r#"{"choices":[{"delta":{"content":""}}],"usage":null}"#,
        TEXT,
        STOP,
        r#"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":1,"total_tokens":10}}"#,
        "[DONE]",
    ])
    .await;

    let usage = Usage { prompt_tokens: 9, completion_tokens: 1, ..Usage::default() };
    assert_eq!(deltas, [Ok(text("tides")), Ok(Delta::Usage(usage)), STOPPED]);
}

#[tokio::test]
async fn an_endless_stream_ends_after_its_maximum_size() {
    for (endless, code) in [
        ("data: {\"choices\":[{\"delta\":{}}]}\n\n", "answer_too_long"),
        (": keep-alive\n\n", "model_failed"),
        ("\n\n\n\n", "model_failed"),
    ] {
        let start = format!("data: {TEXT}\n\n");
        let parts = stream::iter([start]).chain(stream::repeat(endless.to_owned()));
        let bytes = parts.map(|part| Ok(Bytes::from(part)));

        let deltas = collect(bytes, Instant::now()).await;

        assert_eq!(deltas, [Ok(text("tides")), Err(code)], "{endless}");
    }
}

#[tokio::test]
async fn each_finish_reason_is_mapped() {
    for (wire, reason) in [
        ("stop", FinishReason::Stop),
        ("length", FinishReason::Length),
        ("content_filter", FinishReason::ContentFilter),
        ("eos_token", FinishReason::Stop),
        ("MAX_TOKENS", FinishReason::Length),
    ] {
        let chunk = json!({"choices": [{"delta": {"content": "tides"}, "finish_reason": wire}]});

        let deltas = read_events(&[&chunk.to_string(), "[DONE]"]).await;

        assert_eq!(deltas, [Ok(text("tides")), Ok(Delta::Finished(reason))], "{wire}");
    }
}

#[tokio::test]
async fn an_answer_finishes_once() {
    assert_eq!(read_events(&[TEXT, STOP, STOP, "[DONE]"]).await, [Ok(text("tides")), STOPPED]);
    assert_eq!(read_events(&[TEXT, "[DONE]"]).await, [Ok(text("tides")), STOPPED]);
    assert_eq!(read_events(&[TEXT, STOP]).await, [Ok(text("tides")), STOPPED]);
}

#[tokio::test]
async fn a_stream_that_ends_before_the_answer_is_a_failure() {
    assert_eq!(read_events(&[TEXT]).await, [Ok(text("tides")), Err("model_failed")]);
    assert_eq!(read([]).await, [Err("model_failed")]);
    assert_eq!(read([b"data: {\"choices\": [".to_vec()]).await, [Err("model_failed")]);
}

#[tokio::test]
async fn an_answer_that_is_broken_off_keeps_its_text() {
    for (chunk, code) in [
        (r#"{"choices":[{"delta":{"content":"!"},"finish_reason":"error"}]}"#, "model_failed"),
        (
            r#"{"choices":[{"delta":{"content":"!"},"finish_reason":"stop",
                "native_finish_reason":"network_error"}]}"#,
            "model_failed",
        ),
    ] {
        let chunk = chunk.replace('\n', "");

        let deltas = read_events(&[TEXT, &chunk, "[DONE]"]).await;

        assert_eq!(deltas, [Ok(text("tides")), Ok(text("!")), Err(code)], "{chunk}");
    }
}

#[tokio::test]
async fn what_is_no_error_and_no_chunk_is_passed_over() {
    for data in [
        "",
        " ",
        "ping",
        "\"ping\"",
        "null",
        "0",
        "[]",
        "[null]",
        "{}",
        r#"{"type":"ping"}"#,
        r#"{"code":0,"message":"success"}"#,
        r#"{"choices":null}"#,
        r#"{"choices":[]}"#,
        r#"{"choices":[null]}"#,
        r#"{"choices":{"delta":{}}}"#,
        r#"{"choices":[{"delta":null}]}"#,
        r#"{"choices":[{"delta":[]}],"error":null}"#,
        r#"{"error":{}}"#,
        r#"{"error":""}"#,
        r#"{"choices":[{"delta":{"content":null,"tool_calls":[{}]}}]}"#,
        r#"{"choices":[{"delta":{"content":{"type":"image"}},"finish_reason":false}]}"#,
        r#"{"choices":[{"delta":{"content":[]}}],"usage":[]}"#,
        r#"{"created":1e999,"model":7,"choices":[],"usage":{"prompt_tokens":-1}}"#,
        r#"{"id":"\ud83d","choices":[],"usage":{"prompt_tokens":0,"completion_tokens":0}}"#,
    ] {
        let deltas = read_events(&[TEXT, data, TEXT, STOP, "[DONE]"]).await;

        assert_eq!(deltas, [Ok(text("tides")), Ok(text("tides")), STOPPED], "{data}");
    }
}

#[tokio::test]
async fn text_is_found_in_each_shape_of_a_chunk() {
    for choice in [
        json!({"delta": {"content": "tides"}}),
        json!({"delta": "tides"}),
        json!({"delta": {"content": ["ti", "des"]}}),
        json!({"delta": {"content": [{"type": "text", "text": "ti"}, {"text": {"value": "des"}}]}}),
        json!({"delta": {"content": {"type": "text", "text": "tides"}}}),
        json!({"message": {"role": "assistant", "content": "tides"}}),
        json!({"delta": {"content": ""}, "message": {"content": "tides"}}),
        json!({"delta": {"content": "tides"}, "message": {"content": "tides"}}),
        json!({"text": "tides"}),
    ] {
        let chunk = json!({"choices": [choice]}).to_string();

        let deltas = read_events(&[&chunk, STOP]).await;

        assert_eq!(deltas, [Ok(text("tides")), STOPPED], "{chunk}");
    }
}

#[tokio::test]
async fn a_message_that_repeats_the_text_so_far_adds_only_the_rest() {
    let message = |text: &str| json!({"choices": [{"message": {"content": text}}]}).to_string();

    let growing = read_events(&[&message("ti"), &message("tides"), &message("tides"), STOP]).await;
    let whole = read_events(&[&message("tides")]).await;
    let repeated = read_events(&[TEXT, &message("tides, edited"), STOP]).await;

    assert_eq!(growing, [Ok(text("ti")), Ok(text("des")), STOPPED]);
    assert_eq!(whole, [Ok(text("tides")), STOPPED]);
    assert_eq!(repeated, [Ok(text("tides")), Ok(text(", edited")), STOPPED]);
}

#[tokio::test]
async fn an_invalid_chunk_is_a_permanent_error_that_does_not_quote_it() {
    let huge = vec![b'x'; MAX_EVENT_BYTES];
    for data in [b"{\"a secret\"".to_vec(), b"{a secret \xff}".to_vec(), huge] {
        let bytes = Bytes::from([b"data: ", data.as_slice(), b"\n\n"].concat());
        let bytes = stream::iter([Ok::<_, Infallible>(bytes)]);

        let (now, model) = (Instant::now(), ReportedModel::default());
        let answer = read_answer(bytes, MAX_BYTES, now, TIMEOUTS, model, chunks).await;

        let error = answer.err().unwrap().into_attempt_error(None);
        assert_eq!(
            (error.model_error.code(), error.kind),
            ("model_failed", AttemptErrorKind::Permanent)
        );
        assert!(!format!("{error:?}").contains("secret"));
    }
}

#[tokio::test]
async fn the_last_event_needs_no_blank_line() {
    let bytes = format!("data: {TEXT}\n\ndata: {STOP}");

    assert_eq!(read([bytes.into()]).await, [Ok(text("tides")), STOPPED]);
}

#[tokio::test(start_paused = true)]
async fn an_endless_event_is_rejected() {
    let start = stream::iter([Ok(Bytes::from(format!("data: {TEXT}\n\ndata: ")))]);
    let part = || Ok(Bytes::from(vec![b'x'; 4096]));
    let line = stream::repeat_with(part).take(MAX_EVENT_BYTES / 4096 + 1);

    let deltas = collect(start.chain(line).chain(stream::pending()), Instant::now()).await;

    assert_eq!(deltas, [Ok(text("tides")), Err("model_failed")]);
}

#[tokio::test]
async fn a_long_answer_of_small_events_is_read_completely() {
    let event = format!("data: {TEXT}\n\n").into_bytes();
    let count = 2 * MAX_EVENT_BYTES / event.len();
    let end = format!("data: {STOP}\n\n").into_bytes();

    let deltas = read(std::iter::repeat_n(event, count).chain([end])).await;

    assert_eq!(deltas.len(), count + 1);
}
