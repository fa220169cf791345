//! The failures of a turn, and how they are logged and described to clients.

use std::any::Any;
use std::time::Duration;

use webchat_domain::{FinishReason, Problem, TurnId, error_chain};
use webchat_llm::{FilteredCategory, ModelError, filtered_answer_message};

use crate::error::ChatError;
use crate::metrics::count_turn_failure;
use crate::runtime::log_limiter::SharedLogLimiter;
use crate::runtime::panic_message::panic_message;

/// The reason why an answer failed.
pub(crate) enum Failure {
    Model(ModelError),
    Chat(ChatError),
    /// The model's provider filtered the answer, or the rest of it, because of what it found.
    Filtered(Vec<FilteredCategory>),
    /// The answer's text exceeds its bound. The received text is kept.
    AnswerTooLong,
    /// The turn has reached this maximum duration. The received text is kept.
    TurnTooLong(Duration),
    Panic(Box<dyn Any + Send>),
}

impl Failure {
    pub(crate) fn finish_reason(&self) -> FinishReason {
        match self {
            Self::Filtered(_) => FinishReason::ContentFilter,
            Self::AnswerTooLong
            | Self::TurnTooLong(_)
            | Self::Model(
                ModelError::AnswerTooLong(_) | ModelError::EmptyAnswer { is_cut_off: true, .. },
            ) => FinishReason::Length,
            Self::Model(_) | Self::Chat(_) | Self::Panic(_) => FinishReason::Failed,
        }
    }

    /// Returns the stable, machine-readable code.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Model(error) => error.code(),
            Self::Chat(error) => error.code(),
            Self::Filtered(_) => "model_content_filter",
            Self::AnswerTooLong => "answer_too_long",
            Self::TurnTooLong(_) => "turn_too_long",
            Self::Panic(_) => "internal",
        }
    }

    /// Logs the failure, unless one with the same code was logged just before, and returns its description for clients.
    /// The cause is only logged. A completion has no turn.
    pub(crate) fn log_and_describe(
        &self,
        turn_id: Option<TurnId>,
        limiter: &SharedLogLimiter<&'static str>,
    ) -> Problem {
        let code = self.code();
        let (message, cause) = match self {
            Self::Model(error) => (error.to_string(), error_chain(error)),
            Self::Chat(error) => (error.to_string(), error_chain(error)),
            Self::Filtered(categories) => {
                let names = categories.iter().map(|category| category.name.as_str());
                (filtered_answer_message(categories), names.collect::<Vec<_>>().join(", "))
            }
            Self::AnswerTooLong => (
                "The answer was too long and was cut off.".to_owned(),
                "the text exceeds its bound".to_owned(),
            ),
            Self::TurnTooLong(max) => (
                format!(
                    "The answer took more than {} seconds and was cut off. You can continue it, or \
                     ask for a shorter one.",
                    max.as_secs()
                ),
                "the turn exceeds LLM_MAX_TURN_S".to_owned(),
            ),
            Self::Panic(panic) => {
                ("Something went wrong on the server.".to_owned(), panic_message(panic.as_ref()))
            }
        };
        count_turn_failure(code);
        // A panic is a bug, and always logged.
        if matches!(self, Self::Panic(_)) || count_and_should_log(code, limiter) {
            let turn_id = turn_id.map(tracing::field::display);
            tracing::warn!(turn_id, code, cause, "turn failed");
        }
        Problem { message, code: code.to_owned() }
    }
}

/// Counts a failure, and returns whether to log it. Also logs the number of failures that were not logged, for each
/// code whose interval has ended.
fn count_and_should_log(code: &'static str, limiter: &SharedLogLimiter<&'static str>) -> bool {
    let log_rest = |code, count| tracing::warn!(code, count, "more turns failed");
    limiter.count(|_| code, log_rest).is_some()
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

#[cfg(test)]
mod tests;
