//! Failures of a turn, as they are logged and shown to clients.

use std::any::Any;

use webchat_domain::{FinishReason, Problem, TurnId};
use webchat_llm::{ModelError, filtered_answer_message};

use crate::error::ChatError;
use crate::runtime::error_chain::{error_chain, panic_message};

/// Why an answer failed.
pub(super) enum Failure {
    Model(ModelError),
    Chat(ChatError),
    /// The model's provider filtered the answer, or the rest of it, for these categories.
    Filtered(Vec<String>),
    Panic(Box<dyn Any + Send>),
}

impl Failure {
    pub(super) fn finish_reason(&self) -> FinishReason {
        match self {
            Self::Filtered(_) => FinishReason::ContentFilter,
            Self::Model(_) | Self::Chat(_) | Self::Panic(_) => FinishReason::Failed,
        }
    }

    /// Logs the failure and returns its description for clients. The cause is only logged.
    pub(super) fn log_and_describe(&self, turn_id: TurnId) -> Problem {
        let (code, message, cause) = match self {
            Self::Model(error) => (error.code(), error.to_string(), error_chain(error)),
            Self::Chat(error) => (error.code(), error.to_string(), error_chain(error)),
            Self::Filtered(categories) => {
                ("model_content_filter", filtered_answer_message(categories), categories.join(", "))
            }
            Self::Panic(panic) => (
                "internal",
                "Something went wrong on the server.".to_owned(),
                panic_message(panic.as_ref()),
            ),
        };
        tracing::warn!(%turn_id, code, cause, "turn failed");
        Problem { message, code: code.to_owned() }
    }
}

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Self {
        Self::Model(error)
    }
}

impl From<ChatError> for Failure {
    fn from(error: ChatError) -> Self {
        Self::Chat(error)
    }
}
