//! Results of a content filter that come after the finish reason, as from Azure's asynchronous filter.

use super::*;

#[tokio::test]
async fn a_content_filter_after_the_finish_reason_decides() {
    for late in [
        r#"{"choices":[{"delta":{},"finish_reason":"content_filter"}]}"#,
        r#"{"choices":[{"index":0,"finish_reason":"content_filter",
            "content_filter_offsets":{"check_offset":5,"start_offset":0,"end_offset":5},
            "content_filter_results":{"hate":{"filtered":true,"severity":"high"}}}]}"#,
        r#"{"choices":[{"index":0,"finish_reason":null,"content_filter_offsets":{"check_offset":5},
            "content_filter_results":{"hate":{"filtered":true,"severity":"high"}}}]}"#,
        r#"{"choices":[{"index":0,"delta":{},"content_filters":[{"source_type":"completion",
            "content_filter_results":{"hate":{"filtered":true}}}]}]}"#,
        r#"{"choices":[],"content_filter_results":{"hate":{"filtered":true}}}"#,
    ] {
        let late = late.replace('\n', "");

        let deltas = read_events(&[TEXT, STOP, &late, "[DONE]"]).await;

        let finish_reasons: Vec<_> =
            deltas.iter().filter(|delta| matches!(delta, Ok(Delta::Finished(_)))).collect();
        let filtered = Ok(Delta::Finished(FinishReason::ContentFilter));
        assert_eq!(finish_reasons, [&filtered], "{late}");
        let has_hate = deltas.iter().any(|delta| match delta {
            Ok(Delta::Filtered(categories)) => categories.iter().all(|it| it.name == "hate"),
            _ => false,
        });
        assert_eq!(has_hate, late.contains("hate"), "{late}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_content_filter_within_the_grace_decides_even_as_an_error() {
    let filtered = Ok(Delta::Finished(FinishReason::ContentFilter));
    for (late, end) in [
        (r#"{"choices":[{"delta":{},"finish_reason":"content_filter"}]}"#, filtered),
        (r#"{"error":{"code":"content_filter"}}"#, Err("model_content_filter")),
        (r#"{"error":{"code":503}}"#, STOPPED),
        (r#"{"choices":[{"finish_reason":"length"}]}"#, STOPPED),
        (r#"{"choices":[{"content_filter_results":{"hate":{"filtered":false}}}]}"#, STOPPED),
    ] {
        let start = stream::iter([Ok(Bytes::from(format!("data: {TEXT}\n\ndata: {STOP}\n\n")))]);
        let rest = stream::once(async move {
            tokio::time::sleep(FINISH_GRACE / 2).await;
            Ok(Bytes::from(format!("data: {late}\n\n")))
        });

        let deltas = collect(start.chain(rest).chain(stream::pending()), Instant::now()).await;

        assert_eq!(deltas, [Ok(text("tides")), end], "{late}");
    }
}
