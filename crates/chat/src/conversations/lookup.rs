//! Finds conversations and messages. A conversation, or a message with a given id, that does not exist is an error.

use webchat_domain::{Conversation, ConversationId, Message, MessageId, Role, UserId};

use crate::error::ChatError;
use crate::runtime::core::Core;

impl Core {
    pub(crate) async fn find_conversation(
        &self,
        user_id: UserId,
        id: ConversationId,
    ) -> Result<Conversation, ChatError> {
        let found = self.ports.conversations.find(user_id, id).await?;
        found.ok_or(ChatError::ConversationNotFound)
    }

    /// Returns the message, visible or hidden, if it has this role.
    pub(crate) async fn find_message(
        &self,
        user_id: UserId,
        id: ConversationId,
        message_id: MessageId,
        role: Role,
    ) -> Result<Message, ChatError> {
        let found = self.ports.conversations.message(user_id, id, message_id).await?;
        if let Some(message) = found.filter(|message| message.role == role) {
            return Ok(message);
        }
        self.find_conversation(user_id, id).await?;
        Err(ChatError::MessageNotFound)
    }

    /// Returns the last message of the visible path if it is an answer.
    pub(crate) async fn last_answer(
        &self,
        user_id: UserId,
        id: ConversationId,
    ) -> Result<Option<Message>, ChatError> {
        let last = self.read_messages(user_id, id, None, 1).await?.pop();
        Ok(last.filter(|message| message.role == Role::Assistant))
    }

    /// Returns the question of an answer. Fails if there is none: an imported answer may have no question.
    pub(crate) async fn question_of(
        &self,
        user_id: UserId,
        id: ConversationId,
        answer: &Message,
    ) -> Result<Message, ChatError> {
        let question_id = answer.parent_id.ok_or(ChatError::MessageNotFound)?;
        self.find_message(user_id, id, question_id, Role::User).await
    }

    /// Returns the newest `limit` messages of the visible path before the position `before`, oldest first.
    pub(crate) async fn read_messages(
        &self,
        user_id: UserId,
        id: ConversationId,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<Message>, ChatError> {
        let found = self.ports.conversations.messages(user_id, id, before, limit).await?;
        found.ok_or(ChatError::ConversationNotFound)
    }
}
