//! Chunks that are almost JSON.

use super::*;

#[tokio::test]
async fn values_and_characters_that_json_does_not_have_lose_no_text() {
    for chunk in [
        r#"{"choices":[{"delta":{"content":"NaN"},"logprobs":{"content":[{"logprob":-Infinity}]}}]}"#,
        r#"{"choices":[{"delta":{"content":"NaN"},"logprobs":NaN}],"created":Infinity}"#,
        r#"{"choices":[{"logprobs":[-NaN,+Infinity,nan,-inf,1e5,-0.5E-3],"delta":{"content":"NaN"}}]}"#,
        r#"{"choices":[{"delta":{"content":"NaN","tool_calls":None},"is_last":False}],"ok":True}"#,
        r#"{"choices":[{"delta":{"content":"NaN"},"usage":undefined}]}"#,
        r#"[{"id":"\\\"","choices":[{"delta":{"content":"N\u0061N"}}],"score":NaN}]"#,
    ] {
        let deltas = read_events(&[chunk, STOP]).await;

        assert_eq!(deltas, [Ok(text("NaN")), STOPPED], "{chunk}");
    }

    let tab = "{\"choices\":[{\"delta\":{\"content\":\"a\tb\u{1}\"}}]}";
    assert_eq!(read_events(&[tab, STOP]).await, [Ok(text("a\tb\u{1}")), STOPPED]);
}

#[tokio::test]
async fn an_error_with_odd_values_is_understood() {
    let error = r#"{"error":{"code":429,"score":NaN}}"#;

    assert_eq!(read_events(&[TEXT, error]).await, [Ok(text("tides")), Err("model_rate_limited")]);
}

#[tokio::test(start_paused = true)]
async fn events_need_no_blank_line_between_them_and_may_have_byte_order_marks() {
    const MARK: &str = "\u{feff}";
    let divided = r#"{"choices":
data: [
data: {"delta":{"content":"tides"}}
data: ]}"#;
    for separator in ["\n", "\r\n", "\r", "\n\n"] {
        for (before, within, first) in [
            ("", "", TEXT),
            (MARK, "", TEXT),
            ("", MARK, TEXT),
            (MARK, MARK, TEXT),
            ("", "", divided),
        ] {
            let first = format!("data: {first}\n\n");
            let rest = [TEXT, STOP, "[DONE]"];
            let rest = rest.map(|data| format!("{before}data: {within}{data}{separator}"));
            // A line end of its own may be the first part of another one.
            let body = format!("{before}{first}{}:\n", rest.concat());
            let sent_at = Instant::now();
            let parts: Vec<_> = body.as_bytes().chunks(7).map(Bytes::copy_from_slice).collect();
            let parts = stream::iter(parts.into_iter().map(Ok)).chain(stream::pending());

            let deltas = collect(parts, sent_at).await;

            assert_eq!(deltas, [Ok(text("tides")), Ok(text("tides")), STOPPED], "{body:?}");
            assert_eq!(sent_at.elapsed(), CLOSE_TIMEOUT, "{body:?}");
        }
    }
}
