//! The error of a background request.

use thiserror::Error;
use webchat_llm::ModelError;

use crate::error::ChatError;

/// The reason why a background request failed.
#[derive(Debug, Error)]
pub(crate) enum RequestError {
    /// The model failed.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The request was not sent, because its tokens could not be reserved.
    #[error(transparent)]
    NotSent(#[from] ChatError),
}

impl RequestError {
    /// Returns the stable, machine-readable code.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Model(error) => error.code(),
            Self::NotSent(error) => error.code(),
        }
    }
}
