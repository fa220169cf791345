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
