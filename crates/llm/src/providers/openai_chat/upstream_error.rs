//! The errors that upstreams send, and what they mean.

use std::fmt;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::Value;

use super::content_filter::filtered_categories;
use super::label::safe_label;
use crate::http::attempt::{AttemptError, AttemptErrorKind};
use crate::{Cause, ModelError};

/// An error that the upstream sent instead of an answer, reduced to what may be logged: its text may
/// quote the user or the key.
#[derive(Clone, Debug, Default)]
pub(super) struct UpstreamError {
    status: Option<u16>,
    code: Option<String>,
    kind: Option<String>,
    param: Option<String>,
    filtered: Vec<String>,
    is_too_long: bool,
    rejected_field: Option<RejectedField>,
}

/// A field of the request that the upstream rejected.
#[derive(Clone, Copy, Debug)]
struct RejectedField {
    field: &'static str,
    is_unknown: bool,
}

/// Fields that not every upstream accepts.
const OPTIONAL_FIELDS: [&str; 3] = ["max_tokens", "max_completion_tokens", "stream_options"];
/// Fields of [`ModelParameters`](webchat_domain::ModelParameters).
const PARAMETER_FIELDS: [&str; 6] =
    ["temperature", "top_p", "presence_penalty", "frequency_penalty", "seed", "reasoning_effort"];

/// How upstreams report an unknown field, in lower case: OpenAI, Azure, and servers that use Pydantic,
/// such as Mistral and vLLM.
const UNKNOWN_FIELD_PHRASES: [&str; 6] = [
    "unsupported parameter",
    "unknown parameter",
    "unrecognized request argument",
    "extra inputs are not permitted",
    "extra_forbidden",
    "extra fields not permitted",
];

/// How upstreams report a request that is too long, in lower case. OpenAI and llama.cpp have codes for
/// it.
const TOO_LONG_PHRASES: [&str; 6] = [
    "context_length_exceeded",
    "exceed_context_size_error",
    "context length",
    "context window",
    "context size",
    "prompt is too long",
];

impl UpstreamError {
    /// The error in a response that is no stream.
    pub(super) fn from_response(status: StatusCode, body: &[u8]) -> Self {
        let json: Value = serde_json::from_slice(body).unwrap_or_default();
        let error = Self::new(error_object(&json), &String::from_utf8_lossy(body));
        let error_status = (!status.is_success()).then(|| status.as_u16());
        Self { status: error_status.or(error.status).or(Some(status.as_u16())), ..error }
    }

    /// An error event within a stream, after the status has been sent. Some upstreams use the status
    /// that they would have sent as its code.
    pub(super) fn from_event(error: &Value) -> Self {
        Self::new(error, &error.to_string())
    }

    fn new(error: &Value, text: &str) -> Self {
        let field = |name| error.get(name);
        let param = field("param").and_then(label);
        let text = text.to_lowercase();
        Self {
            status: field("code").and_then(number).or_else(|| field("status").and_then(number)),
            code: field("code").and_then(label),
            kind: field("type").and_then(label),
            filtered: filtered_categories(error),
            is_too_long: TOO_LONG_PHRASES.iter().any(|words| text.contains(words)),
            rejected_field: rejected_field(param.as_deref(), &text),
            param,
        }
    }

    /// The field of the request that the upstream rejected as unknown.
    pub(super) fn unknown_field(&self) -> Option<&'static str> {
        let rejected_field =
            self.rejected_field.filter(|rejected_field| rejected_field.is_unknown)?;
        self.is_about_request().then_some(rejected_field.field)
    }

    pub(super) fn into_attempt_error(self, retry_after: Option<Duration>) -> AttemptError {
        match self.permanent_error() {
            Some(error) => AttemptError { error, kind: AttemptErrorKind::Permanent },
            None => self.into_temporary_error(retry_after),
        }
    }

    /// The error of an upstream that works and would reject the same request again; `None` if the error
    /// may be temporary.
    fn permanent_error(&self) -> Option<ModelError> {
        let cause = || Cause::from(self.clone());
        let parameter = self.rejected_field.map(|rejected_field| rejected_field.field);
        Some(match (self.status, parameter) {
            _ if self.has_label(&["content_filter", "ResponsibleAIPolicyViolation"]) => {
                ModelError::ContentFilter { filtered: self.filtered.clone(), cause: cause() }
            }
            // The status may be that of a rate limit, but waiting does not help: the account has no
            // credit.
            _ if self.has_label(&["insufficient_quota", "invalid_api_key"]) => {
                ModelError::KeyRefused(cause())
            }
            _ if self.has_label(&["model_not_found", "DeploymentNotFound"]) => {
                ModelError::NotFound(cause())
            }
            (Some(401..=403), _) => ModelError::KeyRefused(cause()),
            (Some(404), _) => ModelError::NotFound(cause()),
            (Some(413), _) => ModelError::ContextTooLong(cause()),
            _ if !self.is_about_request() => return None,
            _ if self.is_too_long => ModelError::ContextTooLong(cause()),
            (_, Some(parameter)) if PARAMETER_FIELDS.contains(&parameter) => {
                ModelError::ParameterRefused { parameter, cause: cause() }
            }
            _ => return None,
        })
    }

    fn into_temporary_error(self, retry_after: Option<Duration>) -> AttemptError {
        let status = self.status.or_else(|| self.status_by_name());
        let cause = self.into();
        let unreachable = |cause| ModelError::Unreachable { retry_after, cause };
        let (kind, error) = match status {
            Some(429) => {
                (AttemptErrorKind::Overloaded, ModelError::RateLimited { retry_after, cause })
            }
            Some(408 | 502..=504) => (AttemptErrorKind::Unavailable, unreachable(cause)),
            // Any 5xx with a `retry_after` says when the upstream is back.
            Some(500..) if retry_after.is_some() => {
                (AttemptErrorKind::Unavailable, unreachable(cause))
            }
            Some(500..) => (AttemptErrorKind::Unavailable, ModelError::Failed(cause)),
            _ => (AttemptErrorKind::Permanent, ModelError::Failed(cause)),
        };
        AttemptError { error, kind }
    }

    /// Whether the error is about the request itself. In a stream there may be no status.
    fn is_about_request(&self) -> bool {
        matches!(self.status, None | Some(200 | 400 | 422))
    }

    fn status_by_name(&self) -> Option<u16> {
        if self.has_label(&["rate_limit_exceeded", "rate_limit_error"]) {
            Some(429)
        } else if self.has_label(&["server_error"]) {
            Some(500)
        } else {
            None
        }
    }

    /// Checks `code`, as OpenAI uses it, and `type`, as llama.cpp does.
    fn has_label(&self, names: &[&str]) -> bool {
        let labels = [&self.code, &self.kind].into_iter().flatten();
        labels.into_iter().any(|label| names.contains(&label.as_str()))
    }
}

impl std::error::Error for UpstreamError {}

impl fmt::Display for UpstreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("upstream error")?;
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

/// The error object: OpenAI has it in `error`, older versions of vLLM at the top, Google in a list.
fn error_object(body: &Value) -> &Value {
    let body = body.get(0).unwrap_or(body);
    body.get("error").unwrap_or(body)
}

fn rejected_field(param: Option<&str>, text: &str) -> Option<RejectedField> {
    let known = |word: &str| {
        OPTIONAL_FIELDS.into_iter().chain(PARAMETER_FIELDS).find(|field| *field == word)
    };
    let is_unknown = UNKNOWN_FIELD_PHRASES.iter().any(|words| text.contains(words));
    // The first field that is named: a second one would be the replacement.
    let named = || {
        let words = text.split(|c: char| !(c.is_ascii_lowercase() || c == '_'));
        words.into_iter().find_map(known)
    };
    let field = param.and_then(known).or_else(|| is_unknown.then(named).flatten())?;
    Some(RejectedField { field, is_unknown })
}

/// A status is a number, or a text such as Azure's `"429"`.
fn number(value: &Value) -> Option<u16> {
    match value {
        Value::Number(number) => number.as_u64()?.try_into().ok(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn label(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => safe_label(text),
        Value::Number(number) => safe_label(&number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
