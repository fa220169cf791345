//! Notifies clients of changes to conversations and to lists of conversations.

use webchat_domain::{ConversationChange, ConversationId, EventBody, EventId, UserId, error_chain};
use webchat_persistence::{Signal, TurnLogExt};

use super::core::Core;
use crate::error::ChatError;

impl Core {
    /// Publishes a change of a conversation to its subscribers.
    pub(crate) async fn publish_change(
        &self,
        id: ConversationId,
        change: ConversationChange,
    ) -> Result<(), ChatError> {
        let body = EventBody::ConversationUpdated(change);
        self.ports.log.append_one(id, EventId::generate(), body).await?;
        Ok(())
    }

    /// Notifies all subscribers of the user's list, on all instances, that this conversation has changed. Without
    /// an id, many conversations have changed. A failure is only logged.
    pub(crate) async fn notify_list(
        &self,
        user_id: UserId,
        conversation_id: Option<ConversationId>,
    ) {
        let signal = Signal::ListChanged { user_id, conversation_id };
        if let Err(error) = self.ports.signals.publish(signal).await {
            let error = error_chain(&error);
            tracing::warn!(?conversation_id, error, "failed to publish list change");
        }
    }
}
