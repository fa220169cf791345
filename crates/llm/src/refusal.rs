use std::fmt;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::Value;

use crate::fault::{Fault, FaultKind};
use crate::filter::{filtered_categories, name_of};
use crate::{Cause, ModelError};

/// What an upstream says instead of an answer, reduced to what may be logged: its own words may quote
/// the user or the key.
#[derive(Clone, Debug, Default)]
pub(crate) struct Refusal {
    status: Option<u16>,
    code: Option<String>,
    kind: Option<String>,
    param: Option<String>,
    filtered: Vec<String>,
    is_too_long: bool,
    complaint: Option<Complaint>,
}

/// What is wrong with one field of the request.
#[derive(Clone, Copy, Debug)]
struct Complaint {
    field: &'static str,
    is_unknown: bool,
}

/// Fields that not every upstream knows.
const OPTIONAL: [&str; 3] = ["max_tokens", "max_completion_tokens", "stream_options"];
/// Fields of [`ModelParameters`](webchat_domain::ModelParameters).
const PARAMETERS: [&str; 6] =
    ["temperature", "top_p", "presence_penalty", "frequency_penalty", "seed", "reasoning_effort"];

/// What upstreams write of a field that they don't know, in lower case: OpenAI, Azure, and what is made
/// with Pydantic, such as Mistral and vLLM.
const UNKNOWN: [&str; 6] = [
    "unsupported parameter",
    "unknown parameter",
    "unrecognized request argument",
    "extra inputs are not permitted",
    "extra_forbidden",
    "extra fields not permitted",
];

/// What they write of a request that does not fit, in lower case; OpenAI and llama.cpp give it a name.
const TOO_LONG: [&str; 6] = [
    "context_length_exceeded",
    "exceed_context_size_error",
    "context length",
    "context window",
    "context size",
    "prompt is too long",
];

impl Refusal {
    /// Of a response that is no stream.
    pub(crate) fn in_response(status: StatusCode, body: &[u8]) -> Self {
        let json: Value = serde_json::from_slice(body).unwrap_or_default();
        let said = Self::new(error_in(&json), &String::from_utf8_lossy(body));
        let refused = (!status.is_success()).then(|| status.as_u16());
        Self { status: refused.or(said.status).or(Some(status.as_u16())), ..said }
    }

    /// Of an error within a stream, after the status has been sent. Some upstreams put the status they
    /// would have sent into its code.
    pub(crate) fn in_answer(error: &Value) -> Self {
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
            is_too_long: TOO_LONG.iter().any(|words| text.contains(words)),
            complaint: complaint(param.as_deref(), &text),
            param,
        }
    }

    /// The field of the request that the upstream does not know.
    pub(crate) fn unknown_field(&self) -> Option<&'static str> {
        let complaint = self.complaint.filter(|complaint| complaint.is_unknown)?;
        self.is_about_request().then_some(complaint.field)
    }

    pub(crate) fn into_fault(self, retry_after: Option<Duration>) -> Fault {
        match self.final_error() {
            Some(error) => Fault { error, kind: FaultKind::Final },
            None => self.into_failure(retry_after),
        }
    }

    /// The error of an upstream that works, and would say the same to the same request.
    fn final_error(&self) -> Option<ModelError> {
        let cause = || Cause::from(self.clone());
        let parameter = self.complaint.map(|complaint| complaint.field);
        Some(match (self.status, parameter) {
            _ if self.is_called_any(&["content_filter", "ResponsibleAIPolicyViolation"]) => {
                ModelError::ContentFilter { filtered: self.filtered.clone(), cause: cause() }
            }
            // A rate limit by its status, and yet no waiting helps: the account is empty.
            _ if self.is_called_any(&["insufficient_quota", "invalid_api_key"]) => {
                ModelError::KeyRefused(cause())
            }
            _ if self.is_called_any(&["model_not_found", "DeploymentNotFound"]) => {
                ModelError::NotFound(cause())
            }
            (Some(401..=403), _) => ModelError::KeyRefused(cause()),
            (Some(404), _) => ModelError::NotFound(cause()),
            (Some(413), _) => ModelError::ContextTooLong(cause()),
            _ if !self.is_about_request() => return None,
            _ if self.is_too_long => ModelError::ContextTooLong(cause()),
            (_, Some(parameter)) if PARAMETERS.contains(&parameter) => {
                ModelError::ParameterRefused { parameter, cause: cause() }
            }
            _ => return None,
        })
    }

    fn into_failure(self, retry_after: Option<Duration>) -> Fault {
        let status = self.status.or_else(|| self.status_by_name());
        let cause = self.into();
        let unreachable = |cause| ModelError::Unreachable { retry_after, cause };
        let (kind, error) = match status {
            Some(429) => (FaultKind::Busy, ModelError::RateLimited { retry_after, cause }),
            Some(408 | 502..=504) => (FaultKind::Broken, unreachable(cause)),
            // Also the others can say when they are back.
            Some(500..) if retry_after.is_some() => (FaultKind::Broken, unreachable(cause)),
            Some(500..) => (FaultKind::Broken, ModelError::Failed(cause)),
            _ => (FaultKind::Final, ModelError::Failed(cause)),
        };
        Fault { error, kind }
    }

    /// Whether the request itself is the matter. In a stream there may be no status.
    fn is_about_request(&self) -> bool {
        matches!(self.status, None | Some(200 | 400 | 422))
    }

    fn status_by_name(&self) -> Option<u16> {
        if self.is_called_any(&["rate_limit_exceeded", "rate_limit_error"]) {
            Some(429)
        } else if self.is_called_any(&["server_error"]) {
            Some(500)
        } else {
            None
        }
    }

    /// OpenAI says what happened in `code`, llama.cpp in `type`.
    fn is_called_any(&self, names: &[&str]) -> bool {
        let labels = [&self.code, &self.kind].into_iter().flatten();
        labels.into_iter().any(|label| names.contains(&label.as_str()))
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

/// Where the error lies: OpenAI has it in `error`, vLLM had it at the top, Google has all in a list.
fn error_in(body: &Value) -> &Value {
    let body = body.get(0).unwrap_or(body);
    body.get("error").unwrap_or(body)
}

fn complaint(param: Option<&str>, text: &str) -> Option<Complaint> {
    let known = |word: &str| OPTIONAL.into_iter().chain(PARAMETERS).find(|field| *field == word);
    let is_unknown = UNKNOWN.iter().any(|words| text.contains(words));
    // The one that is named first: a second one is what should be sent instead.
    let named = || {
        let words = text.split(|c: char| !(c.is_ascii_lowercase() || c == '_'));
        words.into_iter().find_map(known)
    };
    let field = param.and_then(known).or_else(|| is_unknown.then(named).flatten())?;
    Some(Complaint { field, is_unknown })
}

/// A status may be a number, or a text such as Azure's `"429"`.
fn number(value: &Value) -> Option<u16> {
    match value {
        Value::Number(number) => number.as_u64()?.try_into().ok(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn label(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => name_of(text),
        Value::Number(number) => name_of(&number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
