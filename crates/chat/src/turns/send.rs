//! Sends a message.

use webchat_domain::{Caller, ClientMessageId, ConversationId, MessageId, ModelId};

use super::service::Turns;
use super::start::TurnStart;
use super::start_turn_outcome::StartTurnOutcome;
use super::turn_source::TurnSource;
use crate::error::ChatError;

/// A message to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendMessage {
    /// The message's text.
    pub content: String,
    /// A unique id that the client generated for this message. Sending a message with the same id again returns the first result.
    pub client_message_id: Option<ClientMessageId>,
    /// The position of the last message that the client knows. The message is rejected if newer ones exist.
    pub expected_position: Option<u64>,
    /// The model that answers this message, instead of that of the conversation.
    pub model: Option<ModelId>,
}

impl Turns {
    /// Stores the message and starts its turn, which runs to completion even if the returned future is dropped.
    ///
    /// # Errors
    /// Any [`ChatError`]. After an error of the store or of the log, the message may be stored: sending it again with the
    /// same id is safe. After any other error, it is not. Errors while the answer is generated are published as events.
    ///
    /// # Cancellation
    /// If the future is dropped, the message may have been stored. In this case its turn runs.
    pub async fn send(
        &self,
        caller: impl Into<Caller>,
        id: ConversationId,
        message: SendMessage,
    ) -> Result<StartTurnOutcome, ChatError> {
        self.send_version(caller.into(), id, message, None).await
    }

    /// Sends the message as the next question, or as another version of one.
    pub(super) async fn send_version(
        &self,
        caller: Caller,
        id: ConversationId,
        message: SendMessage,
        version_of: Option<MessageId>,
    ) -> Result<StartTurnOutcome, ChatError> {
        let admission = self.core.lifecycle.admit()?;
        let SendMessage { content, client_message_id, expected_position, model } = message;
        if content.trim().is_empty() {
            return Err(ChatError::EmptyMessage);
        }
        self.core.reserve_storage(caller.user_id, content.len()).await?;
        let source = TurnSource::Question { content, expected_position, version_of };
        let start =
            TurnStart { _admission: admission, caller, id, client_message_id, source, model };
        self.start(start).await
    }
}

#[cfg(test)]
mod tests;
