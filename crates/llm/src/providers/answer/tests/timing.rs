//! Timeouts.

use super::*;

/// Repeats these bytes, less often than the grace after the finish reason ends.
fn repeat_slowly(bytes: &'static str) -> impl Stream<Item = Result<Bytes, Infallible>> {
    stream::unfold((), move |()| async move {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        Some((Ok(Bytes::from(bytes)), ()))
    })
}

#[tokio::test(start_paused = true)]
async fn keep_alives_do_not_extend_the_timeout_of_the_first_chunk() {
    for keep_alive in [": processing\n\n", "data:\n\n", "data: {\"type\":\"ping\"}\n\n"] {
        let sent_at = Instant::now();
        tokio::time::advance(TIMEOUTS.first_delta / 2).await;

        let deltas = collect(repeat_slowly(keep_alive), sent_at).await;

        assert_eq!(deltas, [Err("model_unreachable")], "{keep_alive}");
        assert_eq!(sent_at.elapsed(), TIMEOUTS.first_delta, "{keep_alive}");
    }
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
    let start = format!("data: {TEXT}\n\ndata: {STOP}\n\ndata: [DONE]\n\n");
    let start = stream::iter([Ok(Bytes::from(start))]);
    let sent_at = Instant::now();

    let deltas = collect(start.chain(stream::pending()), sent_at).await;

    assert_eq!(deltas, [Ok(text("tides")), STOPPED]);
    assert_eq!(sent_at.elapsed(), CLOSE_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_only_keeps_the_connection_alive_after_the_finish_reason_is_closed() {
    for keep_alive in [": hb\n\n", "data:\n\n", "data: {\"choices\":[{\"delta\":{}}]}\n\n"] {
        let start = stream::iter([Ok(Bytes::from(format!("data: {TEXT}\n\ndata: {STOP}\n\n")))]);
        let sent_at = Instant::now();

        let deltas = collect(start.chain(repeat_slowly(keep_alive)), sent_at).await;

        assert_eq!(deltas, [Ok(text("tides")), STOPPED], "{keep_alive}");
        assert_eq!(sent_at.elapsed(), FINISH_GRACE, "{keep_alive}");
    }
}

#[tokio::test(start_paused = true)]
async fn usage_within_the_grace_is_reported() {
    let usage = r#"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":1}}"#;
    let start = stream::iter([Ok(Bytes::from(format!("data: {TEXT}\n\ndata: {STOP}\n\n")))]);
    let end = stream::once(async move {
        tokio::time::sleep(FINISH_GRACE / 2).await;
        Ok(Bytes::from(format!("data: {usage}\n\ndata: [DONE]\n\n")))
    });

    let deltas = collect(start.chain(end), Instant::now()).await;

    let usage = Usage { prompt_tokens: 9, completion_tokens: 1, ..Usage::default() };
    assert_eq!(deltas, [Ok(text("tides")), Ok(Delta::Usage(usage)), STOPPED]);
}

/// Returns a stream of these events, each this long after the previous one. The connection remains open.
fn slowly(
    events: &[&str],
    pause: Duration,
) -> impl Stream<Item = Result<Bytes, Infallible>> + use<> {
    let events: Vec<_> = events.iter().map(|data| format!("data: {data}\n\n")).collect();
    let events = stream::iter(events).then(move |event| async move {
        tokio::time::sleep(pause).await;
        Ok(Bytes::from(event))
    });
    events.chain(stream::pending())
}

#[tokio::test(start_paused = true)]
async fn chunks_before_the_first_text_do_not_change_its_timeout() {
    const ROLE: &str = r#"{"choices":[{"delta":{"role":"assistant","content":""}}]}"#;
    const FILTER: &str = r#"{"choices":[{"delta":{},"content_filter_results":{}}]}"#;
    const FINISHED_ROLE: &str =
        r#"{"choices":[{"delta":{"role":"assistant","content":""},"finish_reason":"stop"}]}"#;
    const REASONING: &str = r#"{"choices":[{"delta":{"reasoning":"Hm."}}]}"#;
    let pause = TIMEOUTS.idle * 3 / 2;
    for first in [ROLE, FILTER, FINISHED_ROLE] {
        let start = stream::iter([Ok(Bytes::from(format!("data: {first}\n\n")))]);
        let sent_at = Instant::now();
        let answer = start.chain(slowly(&[TEXT], pause));
        let is_finished = first == FINISHED_ROLE;
        let end = if is_finished { STOPPED } else { Err("model_unreachable") };

        assert_eq!(collect(answer, sent_at).await, [Ok(text("tides")), end], "{first}");
    }
    let start = stream::iter([Ok(Bytes::from(format!("data: {REASONING}\n\n")))]);
    let sent_at = Instant::now();
    assert_eq!(
        collect(start.chain(slowly(&[TEXT], pause)), sent_at).await,
        [Ok(reasoning("Hm.")), Err("model_unreachable")]
    );
    assert_eq!(sent_at.elapsed(), TIMEOUTS.idle);
}

#[tokio::test(start_paused = true)]
async fn a_finish_reason_beside_text_may_not_be_the_last() {
    const PART: &str = r#"{"choices":[{"delta":{"content":"tides"},"finish_reason":"stop"}]}"#;
    const REASONING: &str =
        r#"{"choices":[{"delta":{"reasoning_content":"Hm."},"finish_reason":"stop"}]}"#;
    let (tides, hm) = (|| Ok(text("tides")), || Ok(reasoning("Hm.")));
    for (events, expected) in [
        (vec![PART, PART, "[DONE]"], vec![tides(), tides(), STOPPED]),
        (vec![PART, PART, STOP], vec![tides(), tides(), STOPPED]),
        (vec![REASONING, PART, "[DONE]"], vec![hm(), tides(), STOPPED]),
        (vec![REASONING, REASONING, TEXT, STOP], vec![hm(), hm(), tides(), STOPPED]),
        (vec![PART], vec![tides(), STOPPED]),
    ] {
        let answer = slowly(&events, FINISH_GRACE * 2);

        assert_eq!(collect(answer, Instant::now()).await, expected, "{events:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_whole_answer_with_its_finish_reason_is_the_last() {
    let whole = r#"{"choices":[{"message":{"content":"tides"},"finish_reason":"stop"}]}"#;
    let start = stream::iter([Ok(Bytes::from(whole))]);
    let sent_at = Instant::now();

    let deltas = collect(start.chain(stream::pending()), sent_at).await;

    assert_eq!(deltas, [Ok(text("tides")), STOPPED]);
    assert_eq!(sent_at.elapsed(), FINISH_GRACE);
}
