//! Tests of classifying errors.

mod delays;
mod reasons;

use std::collections::BTreeSet;

use serde_json::json;
use webchat_domain::ModelParameters;

use super::rejection::PARAMETER_FIELDS;
use super::*;
use crate::content_filter::FilterSeverity;

fn upstream_error(status: u16, body: &str) -> UpstreamError {
    UpstreamError::from_response(StatusCode::from_u16(status).unwrap(), body.as_bytes())
}

fn attempt_error(status: u16, body: &str) -> AttemptError {
    upstream_error(status, body).into_attempt_error(None)
}

#[test]
fn an_error_is_classified_by_its_labels_then_by_its_status() {
    for (status, body, code) in [
        (401, "", "model_key_refused"),
        (401, r#"{"statusCode":401,"message":"Access denied"}"#, "model_key_refused"),
        (402, r#"{"error":{"message":"Insufficient Balance"}}"#, "model_key_refused"),
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
        (522, "<html>", "model_unreachable"),
        (503, r#"{"error":{"code":503,"message":"Loading model"}}"#, "model_unreachable"),
        (200, r#"{"error":{"code":401}}"#, "model_key_refused"),
        (200, r#"[{"error":{"code":401,"status":"UNAUTHENTICATED"}}]"#, "model_key_refused"),
        (200, r#"{"error":{"code":"429"}}"#, "model_rate_limited"),
        (200, r#"{"error":{"code":"busy","status":429}}"#, "model_rate_limited"),
        (200, r#"{"choices":[]}"#, "model_failed"),
        (302, "", "model_failed"),
    ] {
        assert_eq!(attempt_error(status, body).model_error.code(), code, "{status} {body}");
    }
}

/// Errors as providers word them.
#[test]
fn an_error_is_classified_by_what_it_is_about() {
    for (status, message, code) in [
        (400, "Input is too long for requested model.", "model_context_too_long"),
        (
            400,
            "input length and `max_tokens` exceed context limit: 199000 + 8192 > 200000",
            "model_context_too_long",
        ),
        (400, "Range of input length should be [1, 30720]", "model_context_too_long"),
        (400, "Your request exceeded model token limit: 8192", "model_context_too_long"),
        (400, "Prompt exceeds max length", "model_context_too_long"),
        (400, "litellm.ContextWindowExceededError: it has 5 messages", "model_context_too_long"),
        (400, "Content Exists Risk", "model_content_filter"),
        (400, "<400> InternalError: DataInspectionFailed", "model_content_filter"),
        (403, "flagged_input", "model_content_filter"),
        (400, "API key not valid. Please pass a valid API key.", "model_key_refused"),
        (400, "Incorrect API key provided: x", "model_key_refused"),
        (400, "Model Not Exist", "model_not_found"),
        (400, "acme/moon is not a valid model ID", "model_not_found"),
        (400, "Invalid model name passed in model=moon", "model_not_found"),
        (529, "Overloaded", "model_unreachable"),
    ] {
        let body = serde_json::json!({ "error": { "message": message } }).to_string();
        assert_eq!(attempt_error(status, &body).model_error.code(), code, "{status} {message}");
    }
}

#[test]
fn a_limit_of_the_answer_is_not_a_limit_of_the_conversation() {
    let message = "`max_tokens` must be less than or equal to `8192`, which is less than the \
                   `context_window` for this model, 131072";
    let error = serde_json::json!({ "message": message, "param": "max_tokens" });
    let body = serde_json::json!({ "error": error }).to_string();

    assert_eq!(attempt_error(400, &body).model_error.code(), "model_failed");
}

#[test]
fn a_refused_stream_is_recognised_without_the_parameter() {
    for message in [
        "Unsupported value: 'stream' does not support true with this model.",
        "Your organization must be verified to stream this model.",
        "The model is unsupported for streaming",
    ] {
        let body = serde_json::json!({ "error": { "message": message } }).to_string();
        let error = upstream_error(400, &body);
        assert!(error.rejections().contains(&Rejection::Field("stream")), "{message}");
    }
}

#[test]
fn temporary_and_permanent_errors_are_distinguished() {
    for (status, body, kind) in [
        (429, "", AttemptErrorKind::RateLimited),
        (429, r#"{"error":{"code":"insufficient_quota"}}"#, AttemptErrorKind::Permanent),
        (500, "", AttemptErrorKind::Unavailable),
        (529, "", AttemptErrorKind::Unavailable),
        (599, "", AttemptErrorKind::Unavailable),
        (408, "", AttemptErrorKind::Unavailable),
        (500, r#"{"error":{"code":"content_filter"}}"#, AttemptErrorKind::Permanent),
        (400, "", AttemptErrorKind::Permanent),
        (302, "", AttemptErrorKind::Permanent),
        (200, r#"{"error":{"code":503}}"#, AttemptErrorKind::Unavailable),
    ] {
        assert_eq!(attempt_error(status, body).kind, kind, "{status} {body}");
    }
}

#[test]
fn a_server_error_with_a_retry_after_is_unreachable() {
    let delay = Some(Duration::from_secs(7));

    for status in [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::SERVICE_UNAVAILABLE] {
        let error = UpstreamError::from_response(status, b"").into_attempt_error(delay).model_error;

        assert_eq!(error.code(), "model_unreachable");
        assert_eq!(error.retry_after(), delay);
    }
}

#[test]
fn an_error_event_may_have_only_a_label() {
    for (name, code, kind) in [
        ("rate_limit_exceeded", "model_rate_limited", AttemptErrorKind::RateLimited),
        ("server_error", "model_failed", AttemptErrorKind::Unavailable),
        ("overloaded_error", "model_unreachable", AttemptErrorKind::Unavailable),
        ("other", "model_failed", AttemptErrorKind::Permanent),
    ] {
        let error = json!({"type": name, "code": null}).to_string();

        let error = UpstreamError::from_event(&error).into_attempt_error(None);

        assert_eq!((error.model_error.code(), error.kind), (code, kind));
    }
}

#[test]
fn only_errors_about_the_request_are_rejections_of_a_field() {
    let body = r#"{"error":{"message":"stream_options is not supported"}}"#;
    let stream_options = [Rejection::Field("stream_options")];
    for (status, expected) in [
        (400, stream_options.as_slice()),
        (422, &stream_options),
        (500, &stream_options),
        (401, &[]),
        (429, &[]),
        (503, &[]),
    ] {
        assert_eq!(upstream_error(status, body).rejections(), expected, "{status}");
    }
}

#[test]
fn a_field_with_a_wrong_value_is_not_rejected() {
    for error in [
        json!({"message": "max_tokens is too large: 99999.", "type": "invalid_request_error",
            "param": "max_tokens", "code": "invalid_value"}),
        json!({"message": "`max_tokens` must be less than or equal to `8192`"}),
    ] {
        let error = upstream_error(400, &json!({"error": error}).to_string());

        assert_eq!(error.rejections(), []);
        assert_eq!(error.into_attempt_error(None).model_error.code(), "model_failed");
    }
}

#[test]
fn a_rejected_parameter_is_named() {
    let value = json!({"error": {
        "message": "Unsupported value: 'temperature' does not support 0.7 with this model. Only \
            the default (1) value is supported.",
        "type": "invalid_request_error", "param": "temperature", "code": "unsupported_value",
    }});
    let field = json!({"error": {
        "message": "Unsupported parameter: 'temperature' is not supported with this model.",
    }});
    let other_words = json!({"error": {"message": "this model takes no temperature"}});
    for body in [value, field, other_words] {
        let error = attempt_error(400, &body.to_string()).model_error;

        let ModelError::ParameterRefused { parameter, .. } = error else { panic!("{error:?}") };
        assert_eq!(parameter, "temperature");
    }
}

#[test]
fn every_model_parameter_is_a_known_field() {
    let all = ModelParameters {
        temperature: "1".parse().ok(),
        top_p: "1".parse().ok(),
        presence_penalty: "1".parse().ok(),
        frequency_penalty: "1".parse().ok(),
        seed: Some(1),
        reasoning_effort: "low".parse().ok(),
    };

    let sent = serde_json::to_value(all).unwrap();

    let known = PARAMETER_FIELDS.into_iter().collect::<BTreeSet<_>>();
    assert!(sent.as_object().unwrap().keys().map(String::as_str).eq(known));
}

#[test]
fn a_filtered_request_has_its_categories() {
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

    let error = attempt_error(400, &body.to_string()).model_error;

    let ModelError::ContentFilter { categories, .. } = error else { panic!("{error:?}") };
    let category = |name: &str, severity| FilteredCategory { name: name.to_owned(), severity };
    let (high, medium) = (Some(FilterSeverity::High), Some(FilterSeverity::Medium));
    assert_eq!(categories, [category("hate", high), category("violence", medium)]);
}

#[test]
fn the_message_has_labels_but_no_text() {
    let body = br#"{"error":{"code":"unsupported_parameter","type":"key sk-1 in: my diary",
        "param":"max_tokens","message":"key sk-1 in: my diary"}}"#;

    let error = UpstreamError::from_response(StatusCode::BAD_REQUEST, body);

    assert_eq!(
        error.to_string(),
        "upstream error, status 400, code unsupported_parameter, param max_tokens"
    );
    assert!(!format!("{error:?}").contains("sk-1"));
}
