//! The JSON body of an error response.

use serde::Serialize;
use utoipa::ToSchema;

use super::api_error::ApiError;

/// The body of an error response, on every HTTP endpoint.
#[derive(Serialize, ToSchema)]
#[schema(as = ErrorResponse, example = json!({
    "message": "Conversation not found.", "code": "conversation_not_found",
    "request_id": "0190a000-0000-7000-8000-000000000000",
}))]
pub(crate) struct ErrorBody {
    /// A human-readable message.
    message: String,
    /// A stable, machine-readable code.
    #[schema(value_type = String)]
    code: Code,
    /// The request's id in the server's log.
    request_id: Option<String>,
    /// The human-readable cause. Only routes of the Flask application that had this field return it.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Code {
    Name(&'static str),
    /// The code of an Engine.IO error, which is a number.
    Number(u8),
}

impl ErrorBody {
    pub(crate) fn new(error: &ApiError, request_id: Option<String>) -> Self {
        let code = match error {
            ApiError::EngineIo(error) => Code::Number(error.code()),
            error => Code::Name(error.code()),
        };
        let cause = match error {
            ApiError::NotSaved(cause) => Some(cause.to_string()),
            ApiError::NothingToSave => Some(ApiError::NoConversation.to_string()),
            _ => None,
        };
        Self { message: error.to_string(), code, request_id, error: cause }
    }
}
