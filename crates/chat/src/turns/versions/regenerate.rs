//! Regenerates an answer.

use webchat_domain::{
    Caller, ClientMessageId, ConversationId, Message, MessageId, MessageStatus, ModelId, Role,
    UserId,
};

use crate::error::ChatError;
use crate::turns::service::Turns;
use crate::turns::start::TurnStart;
use crate::turns::start_turn_outcome::StartTurnOutcome;
use crate::turns::turn_source::TurnSource;

impl Turns {
    /// Starts a turn that answers the same question again. The old answer is kept, but is hidden together with all
    /// messages after it. If it is the last message and failed or ended without text, it is replaced: the new answer has
    /// its id. Without `message_id`, regenerates the last message of the visible path. Without `model`, that of the
    /// conversation answers.
    ///
    /// # Errors
    /// Those of [`Turns::send`]; [`ChatError::MessageNotFound`] if there is no such answer or it has no
    /// question; [`ChatError::FileAnalysis`] if it is the analysis of a file.
    ///
    /// # Cancellation
    /// See [`Turns::send`].
    pub async fn regenerate(
        &self,
        caller: impl Into<Caller>,
        id: ConversationId,
        message_id: Option<MessageId>,
        client_message_id: Option<ClientMessageId>,
        model: Option<ModelId>,
    ) -> Result<StartTurnOutcome, ChatError> {
        let caller = caller.into();
        let admission = self.core.lifecycle.admit()?;
        let user_id = caller.user_id;
        let old = match message_id {
            Some(message_id) => {
                self.core.find_message(user_id, id, message_id, Role::Assistant).await?
            }
            None => self.core.last_answer(user_id, id).await?.ok_or(ChatError::MessageNotFound)?,
        };
        let question = self.core.question_of(user_id, id, &old).await?;
        self.check_is_not_analysis(user_id, id, &question).await?;
        let source = if self.is_replaced(user_id, id, &old).await? {
            TurnSource::Continuation { question, answer: Box::new(old), is_retry: true }
        } else {
            TurnSource::Regeneration { question, answer_id: old.message_id }
        };
        let start =
            TurnStart { _admission: admission, caller, id, client_message_id, source, model };
        self.start(start).await
    }

    /// Returns whether a new answer replaces this one instead of becoming another version.
    async fn is_replaced(
        &self,
        user_id: UserId,
        id: ConversationId,
        answer: &Message,
    ) -> Result<bool, ChatError> {
        if !answer.is_blank_answer() || answer.status == MessageStatus::Complete {
            return Ok(false);
        }
        let last = self.core.last_answer(user_id, id).await?;
        Ok(last.is_some_and(|last| last.message_id == answer.message_id))
    }
}
