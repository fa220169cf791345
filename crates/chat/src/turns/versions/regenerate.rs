//! Regenerates an answer.

use webchat_domain::{Caller, ClientMessageId, ConversationId, MessageId, Role};

use crate::error::ChatError;
use crate::turns::service::Turns;
use crate::turns::start::TurnStart;
use crate::turns::start_turn_outcome::StartTurnOutcome;
use crate::turns::turn_source::TurnSource;

impl Turns {
    /// Starts a turn that answers the same question again. The old answer is kept, but is hidden together with all
    /// messages after it. Without `message_id`, regenerates the last message of the visible path.
    ///
    /// # Errors
    /// Those of [`Turns::send`]; [`ChatError::MessageNotFound`] if there is no such answer or it has no
    /// question.
    ///
    /// # Cancellation
    /// See [`Turns::send`].
    pub async fn regenerate(
        &self,
        caller: impl Into<Caller>,
        id: ConversationId,
        message_id: Option<MessageId>,
        client_message_id: Option<ClientMessageId>,
    ) -> Result<StartTurnOutcome, ChatError> {
        let caller = caller.into();
        let admission = self.core.lifecycle.admit()?;
        let old = match message_id {
            Some(message_id) => {
                self.core.find_message(caller.user_id, id, message_id, Role::Assistant).await?
            }
            None => self
                .core
                .last_answer(caller.user_id, id)
                .await?
                .ok_or(ChatError::MessageNotFound)?,
        };
        let question = self.core.question_of(caller.user_id, id, &old).await?;
        let source = TurnSource::Regeneration { question, answer_id: old.message_id };
        self.start(TurnStart { _admission: admission, caller, id, client_message_id, source }).await
    }
}
