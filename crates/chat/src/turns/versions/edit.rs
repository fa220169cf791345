//! Edits a question.

use webchat_domain::{Caller, ConversationId, MessageId, Role};

use crate::error::ChatError;
use crate::turns::send::SendMessage;
use crate::turns::service::Turns;
use crate::turns::start_turn_outcome::StartTurnOutcome;

impl Turns {
    /// Stores another version of a question and starts its turn. The old version is kept, but is hidden together
    /// with all messages after it.
    ///
    /// # Errors
    /// Those of [`Turns::send`]; [`ChatError::MessageNotFound`] if there is no such question;
    /// [`ChatError::FileAnalysis`] if its answer is the analysis of a file.
    ///
    /// # Cancellation
    /// See [`Turns::send`].
    pub async fn edit(
        &self,
        caller: impl Into<Caller>,
        id: ConversationId,
        message_id: MessageId,
        message: SendMessage,
    ) -> Result<StartTurnOutcome, ChatError> {
        let caller = caller.into();
        let old = self.core.find_message(caller.user_id, id, message_id, Role::User).await?;
        self.check_is_not_analysis(caller.user_id, id, &old).await?;
        self.send_version(caller, id, message, Some(old.message_id)).await
    }
}
