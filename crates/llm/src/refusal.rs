use std::fmt;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::ModelError;

/// What an upstream says instead of an answer, reduced to what may be logged: its `message` may quote
/// the user or the key.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Refusal {
    status: Option<u16>,
    code: Option<String>,
    kind: Option<String>,
    param: Option<String>,
}

impl Refusal {
    /// Of a response that is no stream.
    pub(crate) fn in_response(status: StatusCode, body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let said = body.get("error").map(Self::in_answer).unwrap_or_default();
        let refused = (!status.is_success()).then(|| status.as_u16());
        Self { status: refused.or(said.status).or(Some(status.as_u16())), ..said }
    }

    /// Of the object named `error` within a stream, after the status has been sent. Some upstreams
    /// put the status they would have sent into its code.
    pub(crate) fn in_answer(error: &Value) -> Self {
        let field = |name| error.get(name);
        Self {
            status: field("code").and_then(Value::as_u64).and_then(|code| code.try_into().ok()),
            code: field("code").and_then(label),
            kind: field("type").and_then(label),
            param: field("param").and_then(label),
        }
    }

    pub(crate) fn into_error(self, retry_after: Option<Duration>) -> ModelError {
        if self.is_called("context_length_exceeded") || self.is_called("exceed_context_size_error")
        {
            return ModelError::ContextTooLong(self.into());
        }
        if self.is_called("content_filter") {
            return ModelError::ContentFilter(self.into());
        }
        match self.status {
            Some(401 | 403) => ModelError::KeyRefused(self.into()),
            Some(404) => ModelError::NotFound(self.into()),
            Some(429) => ModelError::RateLimited { retry_after, cause: self.into() },
            _ => ModelError::Failed(self.into()),
        }
    }

    /// OpenAI says what happened in `code`, llama.cpp in `type`.
    fn is_called(&self, name: &str) -> bool {
        [&self.code, &self.kind].into_iter().any(|label| label.as_deref() == Some(name))
    }
}

impl std::error::Error for Refusal {}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the upstream sent no answer")?;
        if let Some(status) = self.status {
            write!(f, ", status {status}")?;
        }
        for (name, label) in [("code", &self.code), ("type", &self.kind), ("param", &self.param)] {
            if let Some(label) = label {
                write!(f, ", {name} {label}")?;
            }
        }
        Ok(())
    }
}

/// How long to wait: Azure says it in `retry-after-ms`, others in seconds. A date is not understood.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let number = |name| headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    let seconds =
        number("retry-after-ms").map(|millis| millis / 1000.0).or_else(|| number("retry-after"))?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// A short name, as upstreams give to kinds of errors; nothing in which a sentence could hide.
fn label(value: &Value) -> Option<String> {
    let label = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    ((1..=48).contains(&label.len()) && label.chars().all(is_name)).then_some(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_by_its_code_and_type_then_by_its_status() {
        for (status, body, code) in [
            (401, "", "model_key_refused"),
            (403, "<html>", "model_key_refused"),
            (404, r#"{"error":{"code":"DeploymentNotFound"}}"#, "model_not_found"),
            (429, "{}", "model_rate_limited"),
            (400, r#"{"error":{"code":"context_length_exceeded"}}"#, "model_context_too_long"),
            (
                400,
                r#"{"error":{"code":400,"type":"exceed_context_size_error","n_ctx":4096}}"#,
                "model_context_too_long",
            ),
            (400, r#"{"error":{"code":"content_filter"}}"#, "model_content_filter"),
            (400, r#"{"error":"no such option"}"#, "model_failed"),
            (200, r#"{"error":{"code":401}}"#, "model_key_refused"),
            (200, r#"{"choices":[]}"#, "model_failed"),
            (302, "", "model_failed"),
            (500, r#"{"error":{"code":404}}"#, "model_failed"),
        ] {
            let status = StatusCode::from_u16(status).unwrap();

            let error = Refusal::in_response(status, body.as_bytes()).into_error(None);

            assert_eq!(error.code(), code, "{status} {body}");
        }
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
    }

    #[test]
    fn the_wait_is_taken_from_either_header() {
        for (name, value, wait) in [
            ("retry-after-ms", "1500", Some(Duration::from_millis(1500))),
            ("retry-after", "7", Some(Duration::from_secs(7))),
            ("retry-after", "-7", None),
            ("retry-after", "NaN", None),
            ("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT", None),
            ("x-other", "7", None),
        ] {
            let headers = HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]);

            assert_eq!(retry_after(&headers), wait, "{name}: {value}");
        }
    }

    #[test]
    fn milliseconds_are_nearer_than_seconds() {
        let headers = HeaderMap::from_iter([
            ("retry-after".parse().unwrap(), "2".parse().unwrap()),
            ("retry-after-ms".parse().unwrap(), "1234".parse().unwrap()),
        ]);

        assert_eq!(retry_after(&headers), Some(Duration::from_millis(1234)));
    }
}
