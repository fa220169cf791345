//! Converts the errors of actix's and our own parsers into an [`ApiError`].

use actix_multipart::MultipartError;
use actix_web::ResponseError;
use actix_web::error::JsonPayloadError;
use actix_web::http::StatusCode;
use webchat_chat::InvalidCursor;

use super::api_error::ApiError;

impl From<JsonPayloadError> for ApiError {
    fn from(error: JsonPayloadError) -> Self {
        match error.status_code() {
            StatusCode::PAYLOAD_TOO_LARGE => Self::PayloadTooLarge,
            _ if matches!(error, JsonPayloadError::ContentType) => Self::UnsupportedMediaType,
            _ if is_invalid_value(&error) => Self::InvalidValue(error.to_string()),
            _ => Self::InvalidRequest(error.to_string()),
        }
    }
}

/// Whether the body is JSON, but not of the expected type.
fn is_invalid_value(error: &JsonPayloadError) -> bool {
    matches!(error, JsonPayloadError::Deserialize(error) if error.is_data())
}

impl From<MultipartError> for ApiError {
    fn from(error: MultipartError) -> Self {
        match error {
            MultipartError::ContentTypeMissing
            | MultipartError::ContentTypeParse
            | MultipartError::ContentTypeIncompatible => Self::NotAForm,
            error => Self::InvalidRequest(format!("The form can't be parsed: {error}.")),
        }
    }
}

impl From<InvalidCursor> for ApiError {
    fn from(error: InvalidCursor) -> Self {
        Self::InvalidRequest(error.to_string())
    }
}
