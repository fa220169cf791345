//! Editing a question.

use webchat_domain::{ConversationId, MessageId, Role, UserId};

use crate::error::ChatError;
use crate::turns::send::SendMessage;
use crate::turns::service::Turns;
use crate::turns::start_turn_outcome::StartTurnOutcome;

impl Turns {
    /// Stores another version of a question and starts its turn. The old version stays, but leaves the
    /// visible path together with all messages after it.
    ///
    /// # Errors
    /// Those of [`Turns::send`]; [`ChatError::MessageNotFound`] if there is no such question.
    ///
    /// # Cancellation
    /// As for [`Turns::send`].
    pub async fn edit(
        &self,
        user_id: UserId,
        id: ConversationId,
        message_id: MessageId,
        message: SendMessage,
    ) -> Result<StartTurnOutcome, ChatError> {
        let old = self.core.find_message(user_id, id, message_id, Role::User).await?;
        self.send_version(user_id, id, message, Some(old.message_id)).await
    }
}
