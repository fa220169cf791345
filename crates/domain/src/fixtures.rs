//! Valid values for tests, which change single fields with struct update syntax.

use crate::{
    Conversation, ConversationId, Message, MessageId, MessageStatus, NewMessage, Role, Timestamp,
};

impl Timestamp {
    /// The time of all fixtures.
    pub const FIXTURE: Self = Self::from_unix_millis(1_767_323_045_000);
}

impl Conversation {
    /// Returns an empty conversation without a title.
    #[must_use]
    pub fn fixture() -> Self {
        Self {
            conversation_id: ConversationId::generate(),
            title: None,
            created_at: Timestamp::FIXTURE,
            updated_at: Timestamp::FIXTURE,
            message_count: 0,
            total_tokens: 0,
            archived: false,
        }
    }
}

impl Message {
    /// Returns a complete question of 7 tokens, in no turn, the first of its conversation.
    #[must_use]
    pub fn fixture() -> Self {
        Self {
            message_id: MessageId::generate(),
            conversation_id: ConversationId::generate(),
            position: 1,
            parent_id: None,
            turn_id: None,
            role: Role::User,
            content: "Why is the sky blue?".to_owned(),
            token_count: 7,
            status: MessageStatus::Complete,
            error: None,
            created_at: Timestamp::FIXTURE,
        }
    }
}

impl NewMessage {
    /// Returns a complete question of 7 tokens, in no turn.
    #[must_use]
    pub fn fixture() -> Self {
        Self {
            message_id: MessageId::generate(),
            turn_id: None,
            role: Role::User,
            content: "Why is the sky blue?".to_owned(),
            token_count: 7,
            status: MessageStatus::Complete,
            created_at: Timestamp::FIXTURE,
        }
    }
}
