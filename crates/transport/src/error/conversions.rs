//! Converts the errors of parsers, those of actix and Webchat's own, into an [`ApiError`].

use actix_multipart::MultipartError;
use actix_web::ResponseError;
use actix_web::error::{JsonPayloadError, QueryPayloadError};
use actix_web::http::StatusCode;
use webchat_chat::InvalidCursor;

use super::api_error::ApiError;
use super::json_error::without_values;

impl From<JsonPayloadError> for ApiError {
    fn from(error: JsonPayloadError) -> Self {
        match error.status_code() {
            StatusCode::PAYLOAD_TOO_LARGE => Self::PayloadTooLarge,
            _ if matches!(error, JsonPayloadError::ContentType) => Self::UnsupportedMediaType,
            _ => Self::from_json(&error),
        }
    }
}

impl ApiError {
    fn from_json(error: &JsonPayloadError) -> Self {
        match error {
            JsonPayloadError::Deserialize(error) => {
                let text = format!("The body can't be parsed: {}.", without_values(error));
                // If it is not a data error, the body is not valid JSON.
                if error.is_data() { Self::InvalidValue(text) } else { Self::InvalidRequest(text) }
            }
            error => Self::InvalidRequest(error.to_string()),
        }
    }
}

impl From<QueryPayloadError> for ApiError {
    fn from(error: QueryPayloadError) -> Self {
        match error {
            QueryPayloadError::Deserialize(error) => Self::InvalidRequest(format!(
                "The query can't be parsed: {}.",
                without_values(&error)
            )),
            error => Self::InvalidRequest(error.to_string()),
        }
    }
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
