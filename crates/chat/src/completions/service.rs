//! Starts completions.

use std::sync::Arc;

use tokio::sync::mpsc;
use tracing::Instrument;
use webchat_domain::Caller;

use super::completion::Completion;
use super::request::CompletionRequest;
use super::task::CompletionTask;
use crate::error::ChatError;
use crate::models::registry::Model;
use crate::runtime::core::Core;
use crate::turns::registry::RunningTurns;

/// The maximum number of events that wait for a client that reads slowly. Beyond it, the model has to wait too.
const MAX_PENDING_EVENTS: usize = 64;

/// Answers of the model to requests of which nothing is stored.
#[derive(Clone)]
pub struct Completions {
    core: Arc<Core>,
    running: Arc<RunningTurns>,
}

impl Completions {
    pub(crate) fn new(core: &Arc<Core>, running: &Arc<RunningTurns>) -> Self {
        Self { core: Arc::clone(core), running: Arc::clone(running) }
    }

    /// Starts a completion. It counts towards the same limits as a turn: of concurrent answers, of tokens per day, and of
    /// the duration. Its first event is an error if it does not fit into the model's window or a budget.
    ///
    /// # Errors
    /// [`ChatError::ShuttingDown`]; [`ChatError::TooManyUserTurns`], [`ChatError::TooManyNetworkTurns`] or
    /// [`ChatError::ServerBusy`] if a limit of concurrent answers is reached.
    ///
    /// # Cancellation
    /// Dropping the completion stops the model.
    pub fn start(
        &self,
        caller: Caller,
        model: Arc<Model>,
        request: CompletionRequest,
    ) -> Result<Completion, ChatError> {
        let _admission = self.core.lifecycle.admit()?;
        let permit = self.running.acquire_permit(caller, &self.core.settings)?;
        let (sender, events) = mpsc::channel(MAX_PENDING_EVENTS);
        let task = CompletionTask {
            core: Arc::clone(&self.core),
            caller,
            model,
            _permit: permit,
            events: sender,
        };
        self.core.lifecycle.spawn_detached(task.run(request).in_current_span());
        Ok(Completion::new(events))
    }
}
