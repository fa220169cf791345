use std::convert::Infallible;

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::json;

use super::*;
use crate::Usage;
use crate::sse::LARGEST_EVENT;

const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(1),
    first_delta: Duration::from_mins(2),
    idle: Duration::from_mins(1),
};

const TEXT: &str = r#"{"choices":[{"delta":{"content":"tides"}}]}"#;
const STOP: &str = r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#;

type Deltas = Vec<Result<Delta, &'static str>>;

const STOPPED: Result<Delta, &str> = Ok(Delta::Finished(FinishReason::Stop));

/// What comes of these bytes; errors by their code.
async fn read(parts: impl IntoIterator<Item = Vec<u8>>) -> Deltas {
    let parts: Vec<_> = parts.into_iter().map(|part| Ok::<_, Infallible>(part.into())).collect();
    follow(stream::iter(parts), Instant::now()).await
}

async fn read_events(events: &[&str]) -> Deltas {
    read(events.iter().map(|data| format!("data: {data}\n\n").into())).await
}

async fn follow(
    bytes: impl Stream<Item = Result<Bytes, Infallible>> + Send + 'static,
    asked: Instant,
) -> Deltas {
    match answer(bytes, asked, TIMEOUTS, ReportedName::default()).await {
        Ok(deltas) => deltas.map(|delta| delta.map_err(|error| error.code())).collect().await,
        Err(fault) => vec![Err(fault.error.code())],
    }
}

fn text(text: &str) -> Delta {
    Delta::Text(text.to_owned())
}

#[tokio::test]
async fn azures_chunks_without_choices_or_content_say_nothing() {
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

#[test]
fn a_model_that_is_called_by_its_file_has_the_files_name() {
    for (said, shown) in [
        ("/home/me/models/SmolLM2.gguf", "SmolLM2"),
        ("C:\\models\\SmolLM2.gguf", "SmolLM2"),
        ("meta-llama/Llama-3.1-8B", "meta-llama/Llama-3.1-8B"),
    ] {
        let name = ReportedName::default();

        name.set(said);

        assert_eq!(name.get().as_deref(), Some(shown));
    }
}

#[tokio::test]
async fn each_reason_to_finish_is_told() {
    for (said, reason) in [
        ("stop", FinishReason::Stop),
        ("length", FinishReason::Length),
        ("content_filter", FinishReason::ContentFilter),
        ("eos_token", FinishReason::Stop),
    ] {
        let chunk = json!({"choices": [{"delta": {"content": "tides"}, "finish_reason": said}]});

        let deltas = read_events(&[&chunk.to_string(), "[DONE]"]).await;

        assert_eq!(deltas, [Ok(text("tides")), Ok(Delta::Finished(reason))], "{said}");
    }
}

#[tokio::test]
async fn an_answer_finishes_once() {
    assert_eq!(read_events(&[STOP, STOP, "[DONE]"]).await, [STOPPED]);
    assert_eq!(read_events(&[TEXT, "[DONE]"]).await, [Ok(text("tides")), STOPPED]);
    assert_eq!(read_events(&[TEXT, STOP]).await, [Ok(text("tides")), STOPPED]);
}

#[tokio::test]
async fn a_stream_that_ends_before_the_answer_has_failed() {
    assert_eq!(read_events(&[TEXT]).await, [Ok(text("tides")), Err("model_failed")]);
    assert_eq!(read([]).await, [Err("model_failed")]);
}

#[tokio::test]
async fn what_is_no_chunk_is_a_final_failure_and_is_not_quoted() {
    let huge = vec![b'x'; LARGEST_EVENT];
    for data in [b"\"a secret\"".to_vec(), b"a secret \xff".to_vec(), huge] {
        let bytes = Bytes::from([b"data: ", data.as_slice(), b"\n\n"].concat());
        let bytes = stream::iter([Ok::<_, Infallible>(bytes)]);

        let answer = answer(bytes, Instant::now(), TIMEOUTS, ReportedName::default()).await;

        let fault = answer.err().unwrap();
        assert_eq!((fault.error.code(), fault.kind), ("model_failed", FaultKind::Final));
        assert!(!format!("{fault:?}").contains("secret"));
    }
}

#[tokio::test]
async fn an_error_within_the_stream_is_told_by_its_kind() {
    for (said, code) in [
        (json!({"message": "…", "type": "server_error"}), "model_failed"),
        (json!({"message": "…", "code": 429}), "model_rate_limited"),
        (json!({"code": 400, "type": "exceed_context_size_error"}), "model_context_too_long"),
        (json!("out of memory"), "model_failed"),
    ] {
        let chunk = json!({"error": said}).to_string();

        let deltas = read_events(&[TEXT, &chunk, STOP]).await;

        assert_eq!(deltas, [Ok(text("tides")), Err(code)], "{said}");
    }
}

#[tokio::test]
async fn the_last_event_needs_no_blank_line() {
    let bytes = format!("data: {TEXT}\n\ndata: {STOP}");

    assert_eq!(read([bytes.into()]).await, [Ok(text("tides")), STOPPED]);
}

#[tokio::test(start_paused = true)]
async fn an_event_without_end_is_refused() {
    let start = stream::iter([Ok(Bytes::from(format!("data: {TEXT}\n\ndata: ")))]);
    let part = || Ok(Bytes::from(vec![b'x'; 4096]));
    let line = stream::repeat_with(part).take(LARGEST_EVENT / 4096 + 1);

    let deltas = follow(start.chain(line).chain(stream::pending()), Instant::now()).await;

    assert_eq!(deltas, [Ok(text("tides")), Err("model_failed")]);
}

#[tokio::test]
async fn a_long_answer_of_small_events_is_read_whole() {
    let event = format!("data: {TEXT}\n\n").into_bytes();
    let count = 2 * LARGEST_EVENT / event.len();
    let end = format!("data: {STOP}\n\n").into_bytes();

    let deltas = read(std::iter::repeat_n(event, count).chain([end])).await;

    assert_eq!(deltas.len(), count + 1);
}

#[tokio::test(start_paused = true)]
async fn the_first_chunk_must_come_in_time_whatever_comments_come() {
    let comments = stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        Some((Ok(Bytes::from(": processing\n\n")), ()))
    });
    let asked = Instant::now();
    tokio::time::advance(TIMEOUTS.first_delta / 2).await;

    let deltas = follow(comments, asked).await;

    assert_eq!(deltas, [Err("model_unreachable")]);
    assert_eq!(asked.elapsed(), TIMEOUTS.first_delta);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_falls_silent_is_given_up() {
    let start = stream::iter([Ok(Bytes::from(format!("data: {TEXT}\n\n")))]);
    let asked = Instant::now();

    let deltas = follow(start.chain(stream::pending()), asked).await;

    assert_eq!(deltas, [Ok(text("tides")), Err("model_unreachable")]);
    assert_eq!(asked.elapsed(), TIMEOUTS.idle);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stays_open_after_the_answer_holds_nobody_up() {
    let start = stream::iter([Ok(Bytes::from(format!("data: {STOP}\n\ndata: [DONE]\n\n")))]);
    let asked = Instant::now();

    let deltas = follow(start.chain(stream::pending()), asked).await;

    assert_eq!(deltas, [STOPPED]);
    assert_eq!(asked.elapsed(), CLOSING);
}

/// An answer as an upstream may write it, and its texts.
fn written_answers() -> impl Strategy<Value = (Vec<u8>, Vec<String>)> {
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
    let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| bytes[pair[0]..pair[1]].to_vec()).collect()
}

proptest! {
    #[test]
    fn it_does_not_matter_how_the_bytes_arrive(
        (bytes, texts) in written_answers(),
        cuts in prop::collection::vec(any::<Index>(), 0..20),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();

        let cut = runtime.block_on(read(split(&bytes, &cuts)));
        let by_byte = runtime.block_on(read(bytes.iter().map(|byte| vec![*byte])));

        let mut expected: Vec<_> = texts.iter().map(|said| Ok(text(said))).collect();
        expected.push(STOPPED);
        prop_assert_eq!(cut, expected.clone());
        prop_assert_eq!(by_byte, expected);
    }
}
