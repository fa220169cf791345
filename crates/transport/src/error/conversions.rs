//! Converts the errors of parsers, those of actix and Webchat's own, into an [`ApiError`].

use std::fmt::Display;

use actix_web::error::QueryPayloadError;
use webchat_chat::{CompletionError, InvalidCursor};

use super::api_error::ApiError;
use super::json_error::{JsonError, describe};
use crate::extract::multipart::reader::MultipartError;
use crate::openai_api::error::OpenAiError;

impl From<JsonError> for ApiError {
    /// Converts the error of a request's body. If it is not a data error, the body is not valid JSON.
    fn from(error: JsonError) -> Self {
        if error.is_data {
            Self::InvalidValue(format!("The body can't be parsed: {error}."))
        } else {
            Self::unreadable_body(&error)
        }
    }
}

impl ApiError {
    /// Creates the error for a body that is not JSON.
    pub(crate) fn unreadable_body(reason: &impl Display) -> Self {
        Self::InvalidRequest(format!("The body can't be parsed: {reason}."))
    }
}

impl From<QueryPayloadError> for ApiError {
    fn from(error: QueryPayloadError) -> Self {
        match error {
            QueryPayloadError::Deserialize(error) => {
                Self::InvalidRequest(format!("The query can't be parsed: {}.", describe(&error)))
            }
            error => Self::InvalidRequest(error.to_string()),
        }
    }
}

impl From<MultipartError> for ApiError {
    fn from(error: MultipartError) -> Self {
        match error {
            MultipartError::NotAForm => Self::NotAForm,
            error => Self::InvalidRequest(format!("The form can't be parsed: {error}.")),
        }
    }
}

impl From<InvalidCursor> for ApiError {
    fn from(error: InvalidCursor) -> Self {
        Self::InvalidRequest(error.to_string())
    }
}

impl From<CompletionError> for ApiError {
    fn from(error: CompletionError) -> Self {
        match error {
            CompletionError::Chat(error) => error.into(),
            CompletionError::Model { problem, parameter, retry_after } => {
                OpenAiError::model_failed(problem, parameter, retry_after, false).into()
            }
        }
    }
}
