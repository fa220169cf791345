use std::collections::BTreeSet;

use serde_json::json;
use webchat_domain::ModelParameters;

use super::*;

fn refusal(status: u16, body: &str) -> Refusal {
    Refusal::in_response(StatusCode::from_u16(status).unwrap(), body.as_bytes())
}

fn fault(status: u16, body: &str) -> Fault {
    refusal(status, body).into_fault(None)
}

#[test]
fn an_error_is_told_by_its_code_and_type_then_by_its_status() {
    for (status, body, code) in [
        (401, "", "model_key_refused"),
        (401, r#"{"statusCode":401,"message":"Access denied"}"#, "model_key_refused"),
        (402, r#"{"error":{"message":"Insufficient Balance"}}"#, "model_key_refused"),
        (403, "<html>", "model_key_refused"),
        (429, r#"{"error":{"type":"insufficient_quota"}}"#, "model_key_refused"),
        (404, r#"{"error":{"code":"DeploymentNotFound"}}"#, "model_not_found"),
        (404, r#"{"error":"model 'moon' not found"}"#, "model_not_found"),
        (400, r#"{"error":{"code":"model_not_found"}}"#, "model_not_found"),
        (429, "{}", "model_rate_limited"),
        (400, r#"{"error":{"code":"context_length_exceeded"}}"#, "model_context_too_long"),
        (
            400,
            r#"{"error":{"code":400,"type":"exceed_context_size_error","n_ctx":4096}}"#,
            "model_context_too_long",
        ),
        (
            400,
            r#"{"object":"error","message":"This model's maximum context length is 4096 tokens",
                "type":"BadRequestError","param":null,"code":400}"#,
            "model_context_too_long",
        ),
        (413, "", "model_context_too_long"),
        (400, r#"{"error":{"code":"content_filter"}}"#, "model_content_filter"),
        (400, r#"{"error":"no such option"}"#, "model_failed"),
        (408, r#"{"error":{"code":"Timeout"}}"#, "model_unreachable"),
        (500, r#"{"error":{"code":404}}"#, "model_failed"),
        (500, r#"{"error":"the context window of this"}"#, "model_failed"),
        (502, "<html>", "model_unreachable"),
        (503, r#"{"error":{"code":503,"message":"Loading model"}}"#, "model_unreachable"),
        (200, r#"{"error":{"code":401}}"#, "model_key_refused"),
        (200, r#"[{"error":{"code":401,"status":"UNAUTHENTICATED"}}]"#, "model_key_refused"),
        (200, r#"{"error":{"code":"429"}}"#, "model_rate_limited"),
        (200, r#"{"error":{"code":"busy","status":429}}"#, "model_rate_limited"),
        (200, r#"{"choices":[]}"#, "model_failed"),
        (302, "", "model_failed"),
    ] {
        assert_eq!(fault(status, body).error.code(), code, "{status} {body}");
    }
}

#[test]
fn what_may_pass_is_told_from_what_is_final() {
    for (status, body, kind) in [
        (429, "", FaultKind::Busy),
        (429, r#"{"error":{"code":"insufficient_quota"}}"#, FaultKind::Final),
        (500, "", FaultKind::Broken),
        (599, "", FaultKind::Broken),
        (408, "", FaultKind::Broken),
        (500, r#"{"error":{"code":"content_filter"}}"#, FaultKind::Final),
        (400, "", FaultKind::Final),
        (302, "", FaultKind::Final),
        (200, r#"{"error":{"code":503}}"#, FaultKind::Broken),
    ] {
        assert_eq!(fault(status, body).kind, kind, "{status} {body}");
    }
}

#[test]
fn a_server_error_that_says_when_it_is_over_is_told_as_such() {
    let wait = Some(Duration::from_secs(7));

    for status in [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::SERVICE_UNAVAILABLE] {
        let error = Refusal::in_response(status, b"").into_fault(wait).error;

        assert_eq!(error.code(), "model_unreachable");
        assert_eq!(error.retry_after(), wait);
    }
}

#[test]
fn an_error_in_a_stream_may_have_nothing_but_a_name() {
    for (name, code, kind) in [
        ("rate_limit_exceeded", "model_rate_limited", FaultKind::Busy),
        ("server_error", "model_failed", FaultKind::Broken),
        ("other", "model_failed", FaultKind::Final),
    ] {
        let error = json!({"type": name, "code": null});

        let fault = Refusal::in_answer(&error).into_fault(None);

        assert_eq!((fault.error.code(), fault.kind), (code, kind));
    }
}

#[test]
fn a_field_that_is_not_known_is_found_in_what_each_upstream_says_of_it() {
    let openai = json!({"error": {
        "message": "Unsupported parameter: 'max_tokens' is not supported with this model. Use \
            'max_completion_tokens' instead.",
        "type": "invalid_request_error", "param": "max_tokens", "code": "unsupported_parameter",
    }});
    let copilot = json!({"error": {
        "message": "Unsupported parameter: 'max_tokens' is not supported with this model. Use \
            'max_completion_tokens' instead.",
        "code": "invalid_request_body",
    }});
    let azure = json!({"error": {
        "message": "Unrecognized request argument supplied: stream_options",
        "type": "invalid_request_error", "param": null, "code": null,
    }});
    let mistral = json!({
        "object": "error", "type": "invalid_request_error", "param": null, "code": null,
        "message": {"detail": [{
            "type": "extra_forbidden", "loc": ["body", "max_completion_tokens"],
            "msg": "Extra inputs are not permitted", "input": 800,
        }]},
    });
    let vllm = json!({
        "object": "error", "type": "BadRequestError", "param": null, "code": 400,
        "message": "[{'type': 'extra_forbidden', 'loc': ('body', 'stream_options'), 'msg': \
            'Extra inputs are not permitted', 'input': {'include_usage': True}}]",
    });
    for (status, body, field) in [
        (400, openai, "max_tokens"),
        (400, copilot, "max_tokens"),
        (400, azure, "stream_options"),
        (422, mistral, "max_completion_tokens"),
        (400, vllm, "stream_options"),
    ] {
        let body = body.to_string();
        assert_eq!(refusal(status, &body).unknown_field(), Some(field), "{body}");
        assert_eq!(refusal(500, &body).unknown_field(), None);
    }
}

#[test]
fn a_field_with_a_wrong_value_is_not_one_that_is_unknown() {
    let too_large = json!({"error": {
        "message": "max_tokens is too large: 99999.", "type": "invalid_request_error",
        "param": "max_tokens", "code": "invalid_value",
    }});

    let refusal = refusal(400, &too_large.to_string());

    assert_eq!(refusal.unknown_field(), None);
    assert_eq!(refusal.into_fault(None).error.code(), "model_failed");
}

#[test]
fn a_parameter_that_is_refused_is_named() {
    let value = json!({"error": {
        "message": "Unsupported value: 'temperature' does not support 0.7 with this model. Only \
            the default (1) value is supported.",
        "type": "invalid_request_error", "param": "temperature", "code": "unsupported_value",
    }});
    let field = json!({"error": {
        "message": "Unsupported parameter: 'temperature' is not supported with this model.",
    }});
    for body in [value, field] {
        let error = fault(400, &body.to_string()).error;

        let ModelError::ParameterRefused { parameter, .. } = error else { panic!("{error:?}") };
        assert_eq!(parameter, "temperature");
    }
}

#[test]
fn each_parameter_can_be_named() {
    let all = ModelParameters {
        temperature: "1".parse().ok(),
        top_p: "1".parse().ok(),
        presence_penalty: "1".parse().ok(),
        frequency_penalty: "1".parse().ok(),
        seed: Some(1),
        reasoning_effort: "low".parse().ok(),
    };

    let sent = serde_json::to_value(all).unwrap();

    let known = PARAMETERS.into_iter().collect::<BTreeSet<_>>();
    assert!(sent.as_object().unwrap().keys().map(String::as_str).eq(known));
}

#[test]
fn a_filter_says_what_it_filtered() {
    let body = json!({"error": {
        "message": "The response was filtered …", "type": null, "param": "prompt",
        "code": "content_filter", "status": 400, "innererror": {
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_result": {
                "hate": {"filtered": true, "severity": "high"},
                "jailbreak": {"filtered": false, "detected": false},
                "violence": {"filtered": true, "severity": "medium"},
            },
        },
    }});

    let error = fault(400, &body.to_string()).error;

    let ModelError::ContentFilter { filtered, .. } = error else { panic!("{error:?}") };
    assert_eq!(filtered, ["hate", "violence"]);
}

#[test]
fn the_log_gets_names_and_no_sentences() {
    let body = br#"{"error":{"code":"unsupported_parameter","type":"key sk-1 in: my diary",
        "param":"max_tokens","message":"key sk-1 in: my diary"}}"#;

    let refusal = Refusal::in_response(StatusCode::BAD_REQUEST, body);

    assert_eq!(
        refusal.to_string(),
        "the upstream sent no answer, status 400, code unsupported_parameter, param max_tokens"
    );
    assert!(!format!("{refusal:?}").contains("sk-1"));
}
