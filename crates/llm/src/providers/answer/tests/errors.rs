//! Errors within an answer.

use super::*;

#[tokio::test]
async fn errors_have_many_shapes() {
    for event in [
        r#"data: {"error":{"message":"overloaded","code":503}}"#,
        r#"data: {"object":"error","message":"overloaded","code":503}"#,
        r#"data: {"type":"error","error":{"code":503}}"#,
        r#"data: {"code":503,"message":"overloaded"}"#,
        r#"data: {"message":"overloaded","type":"ServiceUnavailableError"}"#,
        r#"data: {"detail":"overloaded"}"#,
        r#"data: [{"error":{"code":503,"status":"UNAVAILABLE"}}]"#,
        "event: error\ndata: {\"message\":\"overloaded\",\"code\":503}",
        "event: error\ndata: {\"message\":\"half \\ud83d\",\"code\":503}",
    ] {
        let answer = format!("data: {TEXT}\n\n{event}\n\ndata: [DONE]\n\n");

        let deltas = read([answer.into()]).await;

        assert_eq!(deltas.len(), 2, "{event}: {deltas:?}");
        assert!(deltas[1].is_err(), "{event}");
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
async fn an_error_in_a_choice_or_in_a_base_response_is_an_error() {
    let base = |code: u32, text: &str| json!({"status_code": code, "status_msg": text});
    for (chunk, code) in [
        (
            json!({"choices": [{"delta": {"content": ""}, "finish_reason": "error", "error":
                {"code": 429, "message": "busy", "metadata": {"provider_name": "x"}}}]}),
            "model_rate_limited",
        ),
        (
            json!({"choices": [{"error": {"code": 402, "message": "Insufficient credits"}}]}),
            "model_key_refused",
        ),
        (json!({"base_resp": base(1008, "insufficient balance")}), "model_key_refused"),
        (
            json!({"choices": null, "base_resp": base(1002, "rate limit exceeded(RPM)")}),
            "model_rate_limited",
        ),
        (
            json!({"choices": [], "base_resp": base(1026, "input new_sensitive")}),
            "model_content_filter",
        ),
        (json!({"base_resp": base(1033, "mysql failed")}), "model_failed"),
        (json!({"error": {"code": "1302", "message": "并发"}}), "model_failed"),
    ] {
        let chunk = chunk.to_string();

        assert_eq!(read_events(&[&chunk]).await, [Err(code)], "{chunk}");
        assert_eq!(read([chunk.clone().into()]).await, [Err(code)], "{chunk}");
    }
}

#[tokio::test]
async fn an_error_without_content_is_no_error() {
    for error in [
        json!({"message": "", "type": "", "param": "", "code": null}),
        json!({"message": null, "type": null}),
        json!({"message": "", "details": [], "code": 0}),
        json!({}),
        json!([{}]),
        json!(""),
        json!("None"),
        json!("null"),
    ] {
        let with_error = |choice| {
            json!({"error": error, "choices": [choice],
            "base_resp": {"status_code": 0, "status_msg": ""}})
            .to_string()
        };
        let part = with_error(json!({"delta": {"content": "tides"}, "error": error}));
        let end = with_error(json!({"delta": {}, "finish_reason": "stop"}));
        let whole = with_error(json!({"message": {"content": "tides"}, "finish_reason": "stop"}));

        assert_eq!(read_events(&[&part, &end]).await, [Ok(text("tides")), STOPPED], "{error}");
        assert_eq!(read([whole.into()]).await, [Ok(text("tides")), STOPPED], "{error}");
    }
}
