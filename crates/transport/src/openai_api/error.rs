//! The errors that only the OpenAI-compatible API has. Their codes are OpenAI's, where there is one.

use std::fmt::Display;
use std::time::Duration;

use actix_web::http::StatusCode;
use thiserror::Error;
use webchat_domain::Problem;

use crate::text::truncate;

/// The maximum length of a model's id that an error repeats, in characters.
const MAX_ID_CHARS: usize = 100;

/// An error of the OpenAI-compatible API.
#[derive(Debug, Error)]
pub enum OpenAiError {
    /// Nobody can have an API key.
    #[error(
        "This server has no accounts, so there are no API keys: its operator has to set AUTH=optional or \
         AUTH=required."
    )]
    KeysDisabled,
    /// The request has no API key.
    #[error(
        "The API key is missing. Send a key of this server, which begins with `wc_`, as `Authorization: \
         Bearer wc_…`."
    )]
    KeyMissing,
    /// A field is invalid, or not supported.
    #[error("{message}")]
    InvalidField {
        /// What is wrong, without values of the request.
        message: String,
        /// The field, such as `messages[0].content`.
        param: Option<String>,
        /// The stable code.
        code: &'static str,
    },
    /// There is no such model.
    #[error("The model `{0}` does not exist.")]
    ModelNotFound(String),
    /// The model gave no answer, or only a part of one.
    #[error("{message}")]
    ModelFailed {
        /// The status, unless the answer has begun.
        status: StatusCode,
        /// What went wrong. The cause is only in the log.
        message: String,
        /// The stable code.
        code: &'static str,
        /// The sampling parameter that the model refuses.
        param: Option<&'static str>,
        /// How long to wait before another request, if that may help.
        retry_after: Option<Duration>,
        /// Whether the question is stored, so that repeating the request would send it again.
        is_stored: bool,
    },
}

impl OpenAiError {
    /// Creates the error for an invalid field. `reason` must not contain values of the request.
    pub(super) fn invalid(param: &str, reason: impl Display) -> Self {
        let message = format!("Invalid value of `{param}`: {reason}.");
        Self::InvalidField { message, param: Some(param.to_owned()), code: "invalid_value" }
    }

    /// Creates the error for a field that would change the meaning of the answer, and can't be passed on to the model.
    pub(super) fn unsupported(param: &str, reason: impl Display) -> Self {
        let message = format!("`{param}` is not supported: {reason}.");
        Self::InvalidField { message, param: Some(param.to_owned()), code: "unsupported_parameter" }
    }

    /// Creates the error for an unknown model. Its text repeats only the beginning of a long id.
    pub(super) fn model_not_found(id: &str) -> Self {
        Self::ModelNotFound(truncate(id, MAX_ID_CHARS).to_string())
    }

    /// Creates the error for a failed turn, whose question is stored.
    pub(super) fn turn_failed(problem: Problem) -> Self {
        Self::model_failed(problem, None, None, true)
    }

    /// Creates the error for a model that failed.
    pub(crate) fn model_failed(
        problem: Problem,
        param: Option<&'static str>,
        retry_after: Option<Duration>,
        is_stored: bool,
    ) -> Self {
        let (status, code) = match problem.code.as_str() {
            "model_rate_limited" => (StatusCode::TOO_MANY_REQUESTS, "rate_limit_exceeded"),
            "model_context_too_long" | "message_too_long" => {
                (StatusCode::BAD_REQUEST, "context_length_exceeded")
            }
            "model_content_filter" => (StatusCode::BAD_REQUEST, "content_filter"),
            "model_parameter_refused" => (StatusCode::BAD_REQUEST, "unsupported_parameter"),
            "model_unreachable" => (StatusCode::SERVICE_UNAVAILABLE, "model_unreachable"),
            "model_key_refused" => (StatusCode::BAD_GATEWAY, "model_key_refused"),
            "model_access_denied" => (StatusCode::BAD_GATEWAY, "model_access_denied"),
            _ => (StatusCode::BAD_GATEWAY, "model_failed"),
        };
        Self::ModelFailed { status, message: problem.message, code, param, retry_after, is_stored }
    }

    /// Returns the stable code.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::KeysDisabled | Self::KeyMissing => "invalid_api_key",
            Self::ModelNotFound(_) => "model_not_found",
            Self::InvalidField { code, .. } | Self::ModelFailed { code, .. } => code,
        }
    }

    /// Returns the field of the request that causes the error.
    pub(super) fn param(&self) -> Option<&str> {
        match self {
            Self::InvalidField { param, .. } => param.as_deref(),
            Self::ModelNotFound(_) => Some("model"),
            Self::ModelFailed { param, .. } => *param,
            Self::KeysDisabled | Self::KeyMissing => None,
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::KeysDisabled | Self::KeyMissing => StatusCode::UNAUTHORIZED,
            Self::ModelNotFound(_) => StatusCode::NOT_FOUND,
            Self::InvalidField { .. } => StatusCode::BAD_REQUEST,
            Self::ModelFailed { status, .. } => *status,
        }
    }

    /// Returns the time after which a retry may succeed, if known.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::ModelFailed { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Returns whether the official clients must not repeat the request by themselves.
    pub(crate) fn forbids_retry(&self) -> bool {
        matches!(self, Self::ModelFailed { is_stored: true, .. })
    }
}
