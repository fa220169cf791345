//! Tests of reading answers.

use std::convert::Infallible;

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::json;

use super::*;
use crate::Usage;
use crate::http::sse::MAX_EVENT_BYTES;

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
    match read_answer(bytes, MAX_BYTES, sent_at, TIMEOUTS, ReportedModel::default()).await {
        Ok(deltas) => deltas.map(|delta| delta.map_err(|error| error.code())).collect().await,
        Err(error) => vec![Err(error.model_error.code())],
    }
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

    let usage = Usage { prompt_tokens: 9, completion_tokens: 1 };
    assert_eq!(deltas, [Ok(text("tides")), STOPPED, Ok(Delta::Usage(usage))]);
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

#[test]
fn a_model_that_reports_a_path_has_the_name_of_the_file() {
    for (reported, expected) in [
        ("/home/me/models/SmolLM2.gguf", "SmolLM2"),
        ("C:\\models\\SmolLM2.gguf", "SmolLM2"),
        ("meta-llama/Llama-3.1-8B", "meta-llama/Llama-3.1-8B"),
    ] {
        let name = ReportedModel::default();

        name.set(reported);

        assert_eq!(name.get().as_deref(), Some(expected));
    }
}

#[tokio::test]
async fn each_finish_reason_is_mapped() {
    for (wire, reason) in [
        ("stop", FinishReason::Stop),
        ("length", FinishReason::Length),
        ("content_filter", FinishReason::ContentFilter),
        ("eos_token", FinishReason::Stop),
    ] {
        let chunk = json!({"choices": [{"delta": {"content": "tides"}, "finish_reason": wire}]});

        let deltas = read_events(&[&chunk.to_string(), "[DONE]"]).await;

        assert_eq!(deltas, [Ok(text("tides")), Ok(Delta::Finished(reason))], "{wire}");
    }
}

#[tokio::test]
async fn an_answer_finishes_once() {
    assert_eq!(read_events(&[STOP, STOP, "[DONE]"]).await, [STOPPED]);
    assert_eq!(read_events(&[TEXT, "[DONE]"]).await, [Ok(text("tides")), STOPPED]);
    assert_eq!(read_events(&[TEXT, STOP]).await, [Ok(text("tides")), STOPPED]);
}

#[tokio::test]
async fn a_stream_that_ends_before_the_answer_is_a_failure() {
    assert_eq!(read_events(&[TEXT]).await, [Ok(text("tides")), Err("model_failed")]);
    assert_eq!(read([]).await, [Err("model_failed")]);
}

#[tokio::test]
async fn an_invalid_chunk_is_a_permanent_error_that_does_not_quote_it() {
    let huge = vec![b'x'; MAX_EVENT_BYTES];
    for data in [b"\"a secret\"".to_vec(), b"a secret \xff".to_vec(), huge] {
        let bytes = Bytes::from([b"data: ", data.as_slice(), b"\n\n"].concat());
        let bytes = stream::iter([Ok::<_, Infallible>(bytes)]);

        let answer =
            read_answer(bytes, MAX_BYTES, Instant::now(), TIMEOUTS, ReportedModel::default()).await;

        let error = answer.err().unwrap();
        assert_eq!(
            (error.model_error.code(), error.kind),
            ("model_failed", AttemptErrorKind::Permanent)
        );
        assert!(!format!("{error:?}").contains("secret"));
    }
}

#[tokio::test]
async fn an_error_event_has_the_code_of_its_kind() {
    for (error, code) in [
        (json!({"message": "…", "type": "server_error"}), "model_failed"),
        (json!({"message": "…", "code": 429}), "model_rate_limited"),
        (json!({"code": 400, "type": "exceed_context_size_error"}), "model_context_too_long"),
        (json!("out of memory"), "model_failed"),
    ] {
        let chunk = json!({"error": error}).to_string();

        let deltas = read_events(&[TEXT, &chunk, STOP]).await;

        assert_eq!(deltas, [Ok(text("tides")), Err(code)], "{error}");
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

#[tokio::test(start_paused = true)]
async fn comments_do_not_extend_the_timeout_of_the_first_chunk() {
    let comments = stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        Some((Ok(Bytes::from(": processing\n\n")), ()))
    });
    let sent_at = Instant::now();
    tokio::time::advance(TIMEOUTS.first_delta / 2).await;

    let deltas = collect(comments, sent_at).await;

    assert_eq!(deltas, [Err("model_unreachable")]);
    assert_eq!(sent_at.elapsed(), TIMEOUTS.first_delta);
}

#[tokio::test(start_paused = true)]
async fn a_stalled_answer_times_out() {
    let start = stream::iter([Ok(Bytes::from(format!("data: {TEXT}\n\n")))]);
    let sent_at = Instant::now();

    let deltas = collect(start.chain(stream::pending()), sent_at).await;

    assert_eq!(deltas, [Ok(text("tides")), Err("model_unreachable")]);
    assert_eq!(sent_at.elapsed(), TIMEOUTS.idle);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stays_open_after_the_answer_is_closed_after_a_timeout() {
    let start = stream::iter([Ok(Bytes::from(format!("data: {STOP}\n\ndata: [DONE]\n\n")))]);
    let sent_at = Instant::now();

    let deltas = collect(start.chain(stream::pending()), sent_at).await;

    assert_eq!(deltas, [STOPPED]);
    assert_eq!(sent_at.elapsed(), CLOSE_TIMEOUT);
}

/// An answer in one of the valid encodings, and its texts.
fn encoded_answers() -> impl Strategy<Value = (Vec<u8>, Vec<String>)> {
    let line_ends = prop::sample::select(vec!["\n", "\r", "\r\n"]);
    let texts = prop::collection::vec("\\PC{1,8}", 1..6);
    (texts, line_ends, any::<bool>(), any::<bool>()).prop_map(|(texts, end, comments, mark)| {
        let mark = if mark { "\u{feff}" } else { "" };
        let comment = if comments { format!(": still here{end}{end}") } else { String::new() };
        let chunks: Vec<_> = texts
            .iter()
            .map(|text| json!({"choices": [{"delta": {"content": text}}]}))
            .map(|chunk| format!("{comment}event: chunk{end}data: {chunk}{end}{end}"))
            .collect();
        let chunks = chunks.concat();
        let bytes = format!("{mark}{chunks}data:{STOP}{end}{end}data: [DONE]{end}{end}");
        (bytes.into_bytes(), texts)
    })
}

fn split(bytes: &[u8], cuts: &[Index]) -> Vec<Vec<u8>> {
    let mut offsets: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
    offsets.extend([0, bytes.len()]);
    offsets.sort_unstable();
    offsets.windows(2).map(|pair| bytes[pair[0]..pair[1]].to_vec()).collect()
}

proptest! {
    #[test]
    fn the_result_does_not_depend_on_how_the_bytes_are_split(
        (bytes, texts) in encoded_answers(),
        cuts in prop::collection::vec(any::<Index>(), 0..20),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();

        let cut = runtime.block_on(read(split(&bytes, &cuts)));
        let by_byte = runtime.block_on(read(bytes.iter().map(|byte| vec![*byte])));

        let mut expected: Vec<_> = texts.iter().map(|content| Ok(text(content))).collect();
        expected.push(STOPPED);
        prop_assert_eq!(cut, expected.clone());
        prop_assert_eq!(by_byte, expected);
    }
}
