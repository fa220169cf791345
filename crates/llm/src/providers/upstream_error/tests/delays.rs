//! Delays that an error asks for in its body.

use webchat_domain::{Clock, SystemClock};

use super::*;

/// Returns the delay in milliseconds.
fn delay(status: u16, body: &str) -> Option<u128> {
    attempt_error(status, body).model_error.retry_after().map(|delay| delay.as_millis())
}

#[test]
fn the_delay_is_found_in_each_form_of_body() {
    let gemini = |delay: &str| {
        json!({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "Quota exceeded.",
        "details": [
            {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{}]},
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay},
        ]}})
    };
    for (body, expected) in [
        (gemini("17s"), Some(17_000)),
        (json!([gemini("1.5s")]), Some(1_500)),
        (gemini("soon"), None),
        (json!({"error": {"message": "busy", "retry_after": 3}}), Some(3_000)),
        (json!({"error": {"message": "busy"}, "retry_after_ms": 250}), Some(250)),
        (json!({"error": {"metadata": {"retryAfterSeconds": "4"}}}), Some(4_000)),
        (json!({"message": "busy", "retryAfter": 1.5}), Some(1_500)),
        (json!({"error": {"retry_after": -3}}), None),
        (json!({"error": {"retry_after": true}}), None),
    ] {
        assert_eq!(delay(429, &body.to_string()), expected, "{body}");
    }
}

#[test]
fn the_delay_is_found_in_the_words_of_a_message() {
    for (message, expected) in [
        (
            "Rate limit reached for gpt-4 on requests per min (RPM): Limit 3, Used 3, Requested 1. \
             Please try again in 20s. Visit https://platform.openai.com for more.",
            Some(20_000),
        ),
        ("Rate limit reached on tokens per minute. Please try again in 1m2.5s.", Some(62_500)),
        ("Please try again in 430ms", Some(430)),
        (
            "Requests have exceeded the call rate limit. Please retry after 26 seconds.",
            Some(26_000),
        ),
        ("Try again in 1 minute and 30 seconds.", Some(90_000)),
        ("You exceeded your quota.\nPlease retry in 17.489s.", Some(17_489)),
        ("Too many requests, please wait 5 seconds before trying again.", Some(5_000)),
        ("Try again in 1h0m", Some(3_600_000)),
        ("Please try again in 2 hours, 3 minutes", Some(7_380_000)),
        ("Please try again later.", None),
        ("Please try again in a moment.", None),
        ("Please try again in 5 of 7 cases.", None),
        ("Limit 10 requests in 20s.", None),
    ] {
        let json = json!({"error": {"message": message}}).to_string();

        assert_eq!(delay(429, &json), expected, "{message}");
        assert_eq!(delay(503, message), expected, "{message}");
    }
}

#[test]
fn a_header_precedes_the_body() {
    let error = upstream_error(429, r#"{"error":{"message":"Please try again in 20s."}}"#);
    let header = Some(Duration::from_secs(7));

    assert_eq!(error.into_attempt_error(header).model_error.retry_after(), header);
}

#[test]
fn the_time_of_a_reset_is_found_in_headers_that_the_body_repeats() {
    let reset = SystemClock.now().plus(Duration::from_mins(5)).unix_millis();
    for reset in [json!(reset.to_string()), json!(reset), json!(reset / 1_000)] {
        let headers = json!({"X-RateLimit-Limit": "50", "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": reset});
        let error = json!({"message": "Rate limit exceeded: free-models-per-day", "code": 429,
            "metadata": {"headers": headers}});

        let delay = delay(429, &json!({ "error": error }).to_string()).unwrap();

        assert!((240_000..=300_000).contains(&delay), "{reset}: {delay}");
    }
}
