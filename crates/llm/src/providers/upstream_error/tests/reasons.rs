//! Errors whose status says something else.

use super::*;

#[test]
fn a_request_that_exceeds_its_rate_limit_alone_is_too_long() {
    let groq = "Request too large for model `llama-3.1-8b-instant` in organization `org_1` service \
                tier `on_demand` on tokens per minute (TPM): Limit 6000, Requested 7211, please \
                reduce your message size and try again.";
    let openai = "Request too large for gpt-4.1 in organization org-1 on tokens per min (TPM): Limit \
                  30000, Requested 31211. The input or output tokens must be reduced in order to run \
                  successfully.";
    let busy = "Rate limit reached for gpt-4.1 in organization org-1 on tokens per min (TPM): Limit \
                30000, Used 29000, Requested 2000. Please try again in 2s.";
    for (status, message, code) in [
        (429, groq, "model_context_too_long"),
        (413, groq, "model_context_too_long"),
        (429, openai, "model_context_too_long"),
        (429, "Token limit exceeded: limit: 8,000 requested: 9,500", "model_context_too_long"),
        (429, busy, "model_rate_limited"),
        (429, "Rate limit is 100 tokens per minute, 3 requests", "model_rate_limited"),
    ] {
        let error = json!({"message": message, "type": "tokens", "code": "rate_limit_exceeded"});

        let body = json!({ "error": error }).to_string();
        assert_eq!(attempt_error(status, &body).model_error.code(), code, "{status} {message}");

        let event = UpstreamError::from_event(&error.to_string()).into_attempt_error(None);
        assert_eq!(event.model_error.code(), code, "event: {message}");
    }
    let labelled = r#"{"error":{"code":"context_length_exceeded"}}"#;
    for status in [429, 500] {
        let error = attempt_error(status, labelled);
        assert_eq!(error.model_error.code(), "model_context_too_long", "{status}");
    }
}

#[test]
fn a_request_that_is_refused_because_of_its_origin_says_nothing_about_the_key() {
    let html = "<!DOCTYPE html><title>Attention Required! | Cloudflare</title> Unable to load site";
    let region = json!({"error": {"code": "unsupported_country_region_territory",
        "message": "Country, region, or territory not supported", "param": null,
        "type": "request_forbidden"}});
    let gemini = json!([{"error": {"code": 400, "status": "FAILED_PRECONDITION",
        "message": "User location is not supported for the API use."}}]);
    let azure = json!({"error": {"code": "403",
        "message": "Access denied due to Virtual Network/Firewall rules."}});
    let endpoint = json!({"error": {"code": "AccessDenied",
        "message": "Public access is disabled. Please configure private endpoint."}});
    let address = json!({"error": {"code": "ip_not_authorized",
        "message": "Your IP is not authorized to access this project."}});
    for (status, body) in [
        (403, html.to_owned()),
        (403, "error code: 1020".to_owned()),
        (403, "RBAC: access denied".to_owned()),
        (403, region.to_string()),
        (400, gemini.to_string()),
        (403, azure.to_string()),
        (403, endpoint.to_string()),
        (401, address.to_string()),
        (
            403,
            json!({"error": {"type": "forbidden", "message": "Request not allowed"}}).to_string(),
        ),
        (451, String::new()),
    ] {
        assert_eq!(
            attempt_error(status, &body).model_error.code(),
            "model_access_denied",
            "{body}"
        );
    }
    let quota = json!({"statusCode": 403, "message": "Out of call volume quota. Quota will be \
        replenished in 12:00:00."});
    let google = json!({"error": {"code": 403, "errors": [{"reason": "userRateLimitExceeded"}]}});
    for body in [quota.to_string(), google.to_string()] {
        assert_eq!(attempt_error(403, &body).model_error.code(), "model_rate_limited", "{body}");
    }
    let key = json!({"error": {"message": "You don't have access to this resource."}}).to_string();
    for body in ["", key.as_str()] {
        assert_eq!(attempt_error(403, body).model_error.code(), "model_key_refused", "{body}");
    }
}

/// Errors by status, code and message. The first ones of a kind are as providers send them.
fn assert_codes<'a>(expected: &str, errors: impl IntoIterator<Item = (u16, &'a str, &'a str)>) {
    for (status, code, message) in errors {
        let body = json!({"error": {"code": code, "message": message}}).to_string();

        let error = attempt_error(status, &body);

        assert_eq!(error.model_error.code(), expected, "{status} {body}");
        assert_eq!(error.kind, AttemptErrorKind::Permanent, "{status} {body}");
    }
}

#[test]
fn an_account_without_credit_is_a_refusal_whatever_the_status() {
    assert_codes(
        "model_key_refused",
        [
            (400, "", "Your credit balance is too low to access the Anthropic API."),
            (429, "insufficient_quota", "You exceeded your current quota."),
            (400, "billing_hard_limit_reached", "Billing hard limit has been reached"),
            (429, "billing_not_active", "Your account is not active."),
            (400, "400", "Budget has been exceeded! Current cost: 10.2, Max budget: 10.0"),
            (429, "budget_exceeded", "ExceededBudget: User=x over budget."),
            (400, "organization_restricted", "Organization has been restricted."),
            (400, "Arrearage", "Access denied, make sure your account is in good standing."),
            (412, "", "Account acme is suspended, possibly due to a spending limit."),
            (429, "exceeded_current_quota_error", "You exceeded your current token quota"),
            (429, "1113", "余额不足或无可用资源包,请充值。"),
            (
                429,
                "",
                "Your team has used all available credits or reached its monthly spending limit.",
            ),
            (403, "30001", "Sorry, your account balance is insufficient"),
            (403, "AccountOverdueError", "The request failed because of an overdue balance."),
            (429, "", "Insufficient balance"),
        ],
    );
    // Google uses this sentence for limits that end soon.
    let google = r#"{"error":{"message":"You exceeded your current quota, please check your plan and
        billing details.","status":"RESOURCE_EXHAUSTED"}}"#;
    assert_eq!(attempt_error(429, google).model_error.code(), "model_rate_limited");
}

#[test]
fn a_filtered_request_is_recognised_by_the_words_of_each_provider() {
    assert_codes(
        "model_content_filter",
        [
            (
                400,
                "invalid_prompt",
                "Your prompt was flagged as potentially violating our usage policy.",
            ),
            (400, "400", "litellm.ContentPolicyViolationError: it was rejected"),
            (400, "", "The prompt triggered Azure OpenAI's content management policy."),
            (403, "", "Content violates usage guidelines. Team: 1, Model: grok-4"),
            (400, "1301", "系统检测到输入或生成内容可能包含不安全或敏感内容"),
            (400, "SensitiveContentDetected", "The input may contain sensitive information."),
            (400, "InputTextSensitiveContentDetected", "The input may contain risks."),
            (400, "", "Output blocked by content filtering policy"),
            (429, "content_policy_violation", "Rejected as a result of our safety system."),
        ],
    );
}

#[test]
fn a_model_that_does_not_exist_any_more_or_does_not_chat_is_not_found() {
    assert_codes(
        "model_not_found",
        [
            (400, "model_decommissioned", "The model `moon` has been decommissioned."),
            (410, "", "The model is gone."),
            (400, "OperationNotSupported", "The chatCompletion operation is not possible."),
            (400, "", "The chatCompletion operation does not work with the specified model, moon."),
            (400, "", "\"moon-embed:latest\" does not support chat"),
            (400, "model_not_supported", "The requested model is not supported by any provider"),
            (400, "1211", "模型不存在,请检查模型代码。"),
            (400, "", "This is not a chat model"),
        ],
    );
}

#[test]
fn a_refused_parameter_is_found_under_each_spelling() {
    for (message, expected) in [
        ("Argument not supported on this model: presencePenalty", "presence_penalty"),
        ("Argument not supported by this model: reasoningEffort", "reasoning_effort"),
        ("Unknown name \"frequencyPenalty\": Cannot find field.", "frequency_penalty"),
        ("topP is not allowed", "top_p"),
        ("Unknown option reasoning.reasoning_effort", "reasoning_effort"),
    ] {
        let body = json!({"code": "invalid-argument", "error": message}).to_string();
        let error = attempt_error(400, &body).model_error;

        let ModelError::ParameterRefused { parameter, .. } = error else { panic!("{error:?}") };
        assert_eq!(parameter, expected, "{message}");
    }
    let max_tokens = json!({"error": {"message": "maxTokens is not supported"}}).to_string();
    assert_eq!(upstream_error(400, &max_tokens).rejections(), [Rejection::Field("max_tokens")]);
}

#[test]
fn a_question_that_leaves_no_room_for_the_answer_is_too_long() {
    for text in ["`inputs` tokens + `max_new_tokens`", "inputs tokens + max_new_tokens"] {
        let message = format!("{text} must be <= 4097. Given: 4000 {text}: 1000");
        for param in [json!("max_tokens"), json!("max_completion_tokens"), json!(null)] {
            let error = json!({"message": message, "type": "validation", "param": param});
            let body = json!({ "error": error }).to_string();

            let code = attempt_error(422, &body).model_error.code();

            assert_eq!(code, "model_context_too_long", "{body}");
        }
    }
}
