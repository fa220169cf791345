//! The form of errors in OpenAI's API.

use std::fmt::Display;

use actix_web::ResponseError;
use actix_web::dev::ServiceRequest;
use actix_web::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use webchat_chat::ChatError;

use super::PREFIX;
use super::error::OpenAiError;
use crate::error::api_error::ApiError;

/// The body of an error response of the OpenAI-compatible API, and the data of an error in a stream.
#[derive(Serialize, ToSchema)]
#[schema(as = OpenAiErrorResponse, example = json!({
    "error": {
        "message": "The model `gpt-5` does not exist.", "type": "invalid_request_error",
        "param": "model", "code": "model_not_found",
    }
}))]
pub(crate) struct OpenAiErrorBody {
    error: ErrorObject,
}

#[derive(Serialize, ToSchema)]
#[schema(as = OpenAiError)]
struct ErrorObject {
    /// A human-readable message.
    message: String,
    /// The kind of the error.
    r#type: &'static str,
    /// The field of the request that causes the error.
    #[schema(required = true)]
    param: Option<String>,
    /// A stable, machine-readable code.
    code: &'static str,
}

impl From<&ApiError> for OpenAiErrorBody {
    fn from(error: &ApiError) -> Self {
        let param = match error {
            ApiError::OpenAi(error) => error.param().map(str::to_owned),
            _ => None,
        };
        let error = ErrorObject {
            message: error.to_string(),
            r#type: kind(error),
            param,
            code: code(error),
        };
        Self { error }
    }
}

/// Returns whether errors of this request have OpenAI's form. Compares the path relative to the mount point.
pub(crate) fn has_openai_form(request: &ServiceRequest) -> bool {
    let rest = request.match_info().unprocessed().strip_prefix(PREFIX);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn kind(error: &ApiError) -> &'static str {
    match error.status_code() {
        _ if matches!(error, ApiError::Chat(ChatError::TokenBudgetExceeded { .. })) => {
            "insufficient_quota"
        }
        StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
        StatusCode::FORBIDDEN => "permission_error",
        status if status.is_server_error() => "server_error",
        _ => "invalid_request_error",
    }
}

/// Returns OpenAI's code if there is one, and otherwise Webchat's own.
fn code(error: &ApiError) -> &'static str {
    match error {
        ApiError::NotFound => "unknown_url",
        ApiError::RateLimited { .. }
        | ApiError::Chat(
            ChatError::TooManyUserTurns { .. } | ChatError::TooManyNetworkTurns { .. },
        ) => "rate_limit_exceeded",
        ApiError::Chat(ChatError::TokenBudgetExceeded { .. }) => "insufficient_quota",
        error => error.code(),
    }
}

/// Replaces the errors that have another status in OpenAI's API.
pub(super) fn as_in_openai_api(error: ApiError) -> ApiError {
    match error {
        ApiError::Chat(ChatError::MessageTooLong(too_long)) => {
            context_too_long(too_long.limit, format!("has {}", too_long.tokens)).into()
        }
        ApiError::Chat(ChatError::MessageObviouslyTooLong(too_long)) => {
            context_too_long(too_long.limit, format!("has more than {}", too_long.limit)).into()
        }
        error if error.status_code() == StatusCode::UNPROCESSABLE_ENTITY => {
            let (message, code) = (error.to_string(), error.code());
            OpenAiError::InvalidField { message, param: None, code }.into()
        }
        error => error,
    }
}

fn context_too_long(limit: u32, has: impl Display) -> OpenAiError {
    OpenAiError::InvalidField {
        message: format!(
            "This request {has} tokens, but the model accepts at most {limit} besides its answer. Please \
             shorten the messages."
        ),
        param: Some("messages".to_owned()),
        code: "context_length_exceeded",
    }
}
