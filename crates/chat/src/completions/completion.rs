//! A running completion, as its client sees it.

use std::time::Duration;

use thiserror::Error;
use tokio::sync::mpsc::Receiver;
use webchat_domain::{FinishReason, Problem};

use crate::error::ChatError;

/// A running completion. Dropping it stops the model.
pub struct Completion {
    events: Receiver<Result<CompletionEvent, CompletionError>>,
}

/// An event of a completion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompletionEvent {
    /// Reasoning to append; never empty. It comes before the text, as a rule.
    Reasoning(String),
    /// Text to append; never empty.
    Text(String),
    /// The end, which is the last event.
    End(CompletionEnd),
}

/// The end of a completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompletionEnd {
    /// Why the answer ended: [`FinishReason::Stop`], [`FinishReason::Length`] or [`FinishReason::ContentFilter`].
    pub finish_reason: FinishReason,
    /// Tokens of the request: as reported by the model, otherwise by our own count.
    pub prompt_tokens: u32,
    /// Those of them that the provider had cached, as far as it says so.
    pub cached_tokens: u32,
    /// Tokens of the answer with its reasoning, counted in the same way.
    pub completion_tokens: u32,
    /// Those of the reasoning: as reported by the model, otherwise by our own count of the reasoning that it has shown.
    pub reasoning_tokens: u32,
}

/// The reason why a completion failed.
#[derive(Debug, Error)]
pub enum CompletionError {
    /// The request was not sent to the model, or the server is shutting down.
    #[error(transparent)]
    Chat(#[from] ChatError),
    /// The model failed. The cause is in the log.
    #[error("{}", problem.message)]
    Model {
        /// The description, with the code of a failed turn.
        problem: Problem,
        /// The sampling parameter that the model refuses.
        parameter: Option<&'static str>,
        /// How long to wait before another request, if the model says so.
        retry_after: Option<Duration>,
    },
}

impl Completion {
    pub(super) fn new(events: Receiver<Result<CompletionEvent, CompletionError>>) -> Self {
        Self { events }
    }

    /// Waits for the next event. An error is the last one. Returns `None` after the last one, and if the server has a
    /// bug.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe.
    pub async fn next(&mut self) -> Option<Result<CompletionEvent, CompletionError>> {
        self.events.recv().await
    }
}
