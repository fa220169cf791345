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
