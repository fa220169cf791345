//! The errors that upstreams send, and what they mean.

mod delay;
mod error_text;
mod rejection;
mod subject;

use std::fmt;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::Value;

use self::delay::{delay_in, delay_in_text};
use self::error_text::ErrorText;
use self::rejection::Diagnosis;
pub(super) use self::rejection::Rejection;
use self::subject::Subject;
use super::content_filter::filtered_categories;
use super::label::safe_label;
use crate::content_filter::FilteredCategory;
use crate::http::attempt_error::{AttemptError, AttemptErrorKind};
use crate::json::repair::repaired;
use crate::{Cause, ModelError};

/// Azure's code for an identity without a role on the resource.
const NO_ROLE: &str = "PermissionDenied";

/// What an operator can do about codes of Azure.
const ADVICE: [(&str, &str); 2] = [
    (NO_ROLE, "assign the role Cognitive Services OpenAI User on the resource to the identity"),
    (
        "AuthenticationTypeDisabled",
        "the resource accepts no keys (disableLocalAuth): use LLM_AUTH=entra instead of API_KEY",
    ),
];

/// An error that the upstream sent instead of an answer, reduced to what may be logged. Its text is
/// dropped, because it could quote the user or the key.
#[derive(Clone, Debug, Default)]
pub(super) struct UpstreamError {
    status: Option<u16>,
    code: Option<String>,
    kind: Option<String>,
    param: Option<String>,
    /// Whether the body is HTML or plain text rather than JSON, as from a proxy or a firewall in front of the
    /// API.
    is_not_json: bool,
    categories: Vec<FilteredCategory>,
    /// The delay that the error asks for.
    retry_delay: Option<Duration>,
    diagnosis: Diagnosis,
}

/// Why an answer failed to start or was cut short.
#[derive(Debug)]
pub(super) enum AnswerError {
    /// The upstream says why.
    Upstream(Box<UpstreamError>),
    Attempt(AttemptError),
}

impl AnswerError {
    pub(super) fn into_attempt_error(self, retry_after: Option<Duration>) -> AttemptError {
        match self {
            Self::Upstream(error) => error.into_attempt_error(retry_after),
            Self::Attempt(error) => error,
        }
    }
}

impl From<UpstreamError> for AnswerError {
    fn from(error: UpstreamError) -> Self {
        Self::Upstream(Box::new(error))
    }
}

impl From<AttemptError> for AnswerError {
    fn from(error: AttemptError) -> Self {
        Self::Attempt(error)
    }
}

impl UpstreamError {
    /// Reads the error in a response that is not a stream. The body may still be a single SSE event.
    pub(super) fn from_response(status: StatusCode, body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let data = text.lines().find_map(|line| line.strip_prefix("data:"));
        let error = Self::from_event(data.unwrap_or(&text));
        let error_status = (!status.is_success()).then(|| status.as_u16());
        Self { status: error_status.or(error.status).or(Some(status.as_u16())), ..error }
    }

    /// Reads an error within a stream. Its code may be the HTTP status that the upstream would have sent if
    /// the stream had not begun.
    pub(super) fn from_event(data: &str) -> Self {
        let json = serde_json::from_str(data).or_else(|_| serde_json::from_str(&repaired(data)));
        let json: Value = json.unwrap_or_default();
        let error = error_object(&json);
        let field = |name| error.get(name);
        Self {
            status: field("code")
                .and_then(status_number)
                .or_else(|| field("status").and_then(status_number))
                .or_else(|| field("status_code").and_then(status_of_base_response)),
            code: field("code").or_else(|| field("status_code")).and_then(label),
            kind: field("type").and_then(label),
            param: field("param").and_then(label),
            is_not_json: json.is_null() && !data.trim().is_empty(),
            categories: filtered_categories(error),
            retry_delay: if json.is_null() { delay_in_text(data) } else { delay_in(&json) },
            diagnosis: Diagnosis::new(&ErrorText::new(error, data)),
        }
    }

    /// Returns what about the request may be the reason for the error, from the most to the least probable.
    /// The request may work without it.
    pub(super) fn rejections(&self) -> &[Rejection] {
        let may_be_about_request =
            self.is_about_request() || matches!(self.status, Some(500 | 501));
        match self.permanent_error() {
            _ if !may_be_about_request => &[],
            None | Some(ModelError::ParameterRefused { .. }) => &self.diagnosis.rejections,
            Some(_) => &[],
        }
    }

    /// Returns whether the error is about the effort of the reasoning.
    pub(super) fn is_about_effort(&self) -> bool {
        self.diagnosis.parameter == Some("reasoning_effort")
    }

    pub(super) fn is_content_filter(&self) -> bool {
        matches!(self.permanent_error(), Some(ModelError::ContentFilter { .. }))
    }

    /// `retry_after` is the delay in the headers of the response.
    pub(super) fn into_attempt_error(self, retry_after: Option<Duration>) -> AttemptError {
        match self.permanent_error() {
            Some(error) if self.is_unauthenticated() => {
                AttemptError { model_error: error, kind: AttemptErrorKind::Unauthenticated }
            }
            Some(error) => AttemptError { model_error: error, kind: AttemptErrorKind::Permanent },
            None => self.into_temporary_error(retry_after),
        }
    }

    /// Returns the error if the upstream works and would reject the same request again, or `None` if the
    /// error may be temporary.
    fn permanent_error(&self) -> Option<ModelError> {
        let cause = || Cause::from(self.clone());
        Some(match (self.status, self.diagnosis.parameter) {
            _ if self.has_label(&["content_filter", "ResponsibleAIPolicyViolation"]) => {
                ModelError::ContentFilter { categories: self.categories.clone(), cause: cause() }
            }
            // The status can be that of a rate limit, but waiting does not help if the account has no
            // credit.
            _ if self.has_label(&["insufficient_quota", "invalid_api_key"]) => {
                ModelError::AccountRefused(cause())
            }
            _ if self.has_label(&["model_not_found", "DeploymentNotFound"]) => {
                ModelError::NotFound(cause())
            }
            _ if self.is_refusal_about(Subject::FilteredText) => {
                ModelError::ContentFilter { categories: self.categories.clone(), cause: cause() }
            }
            _ if self.is_refusal_about(Subject::Credit) => ModelError::AccountRefused(cause()),
            _ if self.is_access_denied() => ModelError::AccessDenied(cause()),
            _ if self.is_refusal_about(Subject::Key) => ModelError::AccountRefused(cause()),
            _ if self.is_refusal_about(Subject::Model) => ModelError::NotFound(cause()),
            (Some(403), _) if self.is_refusal_about(Subject::Quota) => return None,
            (Some(401..=403), _) => ModelError::AccountRefused(cause()),
            (Some(404 | 410), _) => ModelError::NotFound(cause()),
            (Some(413), _) => ModelError::ContextTooLong(cause()),
            // The status may be that of a rate limit, but waiting does not make the request shorter.
            _ if self.diagnosis.is_always_too_long => ModelError::ContextTooLong(cause()),
            _ if !self.is_about_request() => return None,
            _ if self.diagnosis.is_too_long => ModelError::ContextTooLong(cause()),
            (_, Some(parameter)) => ModelError::ParameterRefused { parameter, cause: cause() },
            _ => return None,
        })
    }

    fn into_temporary_error(self, retry_after: Option<Duration>) -> AttemptError {
        let status = self.status.or_else(|| self.status_by_label());
        let retry_after = retry_after.or(self.retry_delay);
        let cause = self.into();
        let unreachable = |cause| ModelError::Unreachable { retry_after, cause };
        let (kind, error) = match status {
            // Google and Azure's API Management also use 403 for an exhausted quota.
            Some(403 | 429) => {
                (AttemptErrorKind::RateLimited, ModelError::RateLimited { retry_after, cause })
            }
            // Cloudflare uses 520–527 and 530 when the origin fails or can't be reached. Anthropic uses 529 under
            // high traffic across all its users. Unlike a rate limit, this is an outage, which may open the circuit
            // breaker.
            Some(408 | 502..=504 | 520..=530) => {
                (AttemptErrorKind::Unavailable, unreachable(cause))
            }
            // Any 5xx with a `retry_after` says when the upstream is back.
            Some(500..) if retry_after.is_some() => {
                (AttemptErrorKind::Unavailable, unreachable(cause))
            }
            Some(500..) => (AttemptErrorKind::Unavailable, ModelError::Failed(cause)),
            _ => (AttemptErrorKind::Permanent, ModelError::Failed(cause)),
        };
        AttemptError { model_error: error, kind }
    }

    /// Returns whether the error is about the request itself. An error in a stream may have no status.
    fn is_about_request(&self) -> bool {
        let status = self.status.or_else(|| self.status_by_label());
        matches!(status, None | Some(200 | 400 | 422))
    }

    /// Returns whether the key or access token is refused. Azure also uses 401 for an identity that it knows but
    /// that has no role.
    fn is_unauthenticated(&self) -> bool {
        self.status == Some(401) && !self.has_label(&[NO_ROLE])
    }

    /// Returns whether a firewall, a proxy or the provider refuses requests from this address or region.
    fn is_access_denied(&self) -> bool {
        let is_by_proxy = self.status == Some(403) && self.is_not_json;
        let names_origin =
            self.status == Some(401) && self.diagnosis.subject == Some(Subject::Origin);
        is_by_proxy
            || names_origin
            || self.is_refusal_about(Subject::Origin)
            || self.status == Some(451)
    }

    fn is_refusal_about(&self, subject: Subject) -> bool {
        let is_refusal = match subject {
            // These may arrive with any 4xx, including 429.
            Subject::FilteredText | Subject::Credit => !matches!(self.status, Some(500..)),
            _ => self.is_about_request() || self.status == Some(403),
        };
        is_refusal && self.diagnosis.subject == Some(subject)
    }

    fn status_by_label(&self) -> Option<u16> {
        if self.has_label(&["rate_limit_exceeded", "rate_limit_error"]) {
            Some(429)
        } else if self.has_label(&["server_error", "api_error"]) {
            Some(500)
        } else if self.has_label(&["overloaded_error"]) {
            Some(503)
        } else {
            None
        }
    }

    /// Returns whether the error has one of these labels, in `code` (OpenAI) or in `type` (llama.cpp).
    fn has_label(&self, labels: &[&str]) -> bool {
        [&self.code, &self.kind].into_iter().flatten().any(|label| labels.contains(&label.as_str()))
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
        match ADVICE.iter().find(|(label, _)| self.has_label(&[label])) {
            Some((_, advice)) => write!(f, ": {advice}"),
            None => Ok(()),
        }
    }
}

/// Returns the error object: OpenAI sends it in `error`, older versions of vLLM at the top level, Google
/// in a list, and `MiniMax` in `base_resp`.
fn error_object(body: &Value) -> &Value {
    let body = body.get(0).unwrap_or(body);
    body.get("error").or_else(|| body.get("base_resp")).unwrap_or(body)
}

/// Parses a status, which is a number, or a string such as Azure's `"429"`. Other numbers are codes.
fn status_number(value: &Value) -> Option<u16> {
    let number = match value {
        Value::Number(number) => number.as_u64()?.try_into().ok(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    number.filter(|number| (100..600).contains(number))
}

/// Returns the status for a code of `MiniMax`, which responds with 200 to every request. See
/// <https://platform.minimax.io/docs/api-reference/errorcode>.
fn status_of_base_response(code: &Value) -> Option<u16> {
    match code.as_u64()? {
        1002 | 1039 | 1041 | 2056 => Some(429),
        1001 => Some(504),
        1000 | 1013 | 1024 | 1033 => Some(500),
        1004 | 2049 => Some(401),
        1008 => Some(402),
        _ => status_number(code),
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
