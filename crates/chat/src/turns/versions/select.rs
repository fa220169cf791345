//! Selects the visible version of a message.

use webchat_domain::{ConversationChange, ConversationId, Message, MessageId, UserId};
use webchat_persistence::SelectOutcome;

use crate::error::ChatError;
use crate::turns::service::Turns;

impl Turns {
    /// Makes a version of a message visible, together with the newest messages after it, and publishes the change.
    /// Does nothing if the version is already visible. Returns the message.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`] if the user has no such conversation,
    /// [`ChatError::MessageNotFound`], [`ChatError::TurnInProgress`].
    pub async fn select_version(
        &self,
        user_id: UserId,
        id: ConversationId,
        message_id: MessageId,
    ) -> Result<Message, ChatError> {
        self.core.find_conversation(user_id, id).await?;
        let conversations = &self.core.ports.conversations;
        let now = self.running.clamp_to_lease(id, self.core.now());
        match conversations.select(user_id, id, message_id, now).await? {
            SelectOutcome::Visible { changed: true } => {
                self.core.publish_change(id, ConversationChange::Branch).await?;
                self.core.notify_list(user_id, Some(id)).await;
            }
            SelectOutcome::Visible { changed: false } => {}
            SelectOutcome::TurnInProgress => return Err(ChatError::TurnInProgress),
            SelectOutcome::NotFound => return Err(ChatError::MessageNotFound),
        }
        let selected = conversations.message(user_id, id, message_id).await?;
        selected.ok_or(ChatError::MessageNotFound)
    }
}
