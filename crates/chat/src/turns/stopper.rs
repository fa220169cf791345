//! Stops turns on any instance: directly in this process, and by a signal on other instances.

use std::sync::Arc;

use webchat_domain::{ConversationId, UserId, error_chain};
use webchat_persistence::{Signal, StoreError};

use super::registry::RunningTurns;
use crate::runtime::core::Core;

/// Stops the turn of a conversation on the instance that runs it.
#[derive(Clone)]
pub(crate) struct TurnStopper {
    core: Arc<Core>,
    running: Arc<RunningTurns>,
}

impl TurnStopper {
    pub(crate) fn new(core: &Arc<Core>, running: &Arc<RunningTurns>) -> Self {
        Self { core: Arc::clone(core), running: Arc::clone(running) }
    }

    /// Stops the running turn, if there is one.
    pub(crate) async fn stop(&self, user_id: UserId, id: ConversationId) -> Result<(), StoreError> {
        if self.running.stop(id) {
            return Ok(());
        }
        if let Some(turn_id) = self.core.ports.log.checkpoint(id).await?.running_turn {
            let stop = Signal::Stop { user_id, conversation_id: id, turn_id };
            self.core.ports.signals.publish(stop).await?;
        }
        Ok(())
    }

    /// Stops the turn of a conversation that was deleted or reset. A failure is only logged, because the
    /// turn ends anyway when it next saves its answer.
    pub(crate) async fn stop_or_log(&self, user_id: UserId, id: ConversationId) {
        if let Err(error) = self.stop(user_id, id).await {
            let error = error_chain(&error);
            tracing::warn!(conversation_id = %id, error, "failed to stop turn of deleted or reset conversation");
        }
    }
}
