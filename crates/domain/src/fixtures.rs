//! Valid values for tests. A test changes single fields with the struct update syntax.

use std::time::Duration;

use crate::{
    Conversation, ConversationId, Message, MessageAccepted, MessageId, MessageStatus, ModelId,
    NewMessage, Problem, Reasoning, Role, Timestamp, TurnId,
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
    /// Returns a complete question of 7 tokens that belongs to no turn: the first message of its conversation.
    #[must_use]
    pub fn fixture() -> Self {
        NewMessage::fixture().into_message(ConversationId::generate(), 1, None)
    }

    /// Returns a failed answer of 7 tokens with every field set, so that tests of stores and formats cover all
    /// fields.
    #[must_use]
    pub fn full_fixture() -> Self {
        Self {
            position: 2,
            parent_id: Some(MessageId::generate()),
            turn_id: Some(TurnId::generate()),
            role: Role::Assistant,
            reasoning: Some(Reasoning {
                text: "Light scatters \0 … \u{301}".to_owned(),
                duration_ms: 1_200,
                tokens: 5,
            }),
            status: MessageStatus::Failed,
            model: Some(ModelId::from_name("gpt-4.1")),
            error: Some(Problem {
                message: "Try again.".to_owned(),
                code: "model_failed".to_owned(),
            }),
            ended_at: Some(Timestamp::FIXTURE.plus(Duration::from_secs(12))),
            ..Self::fixture()
        }
    }
}

impl NewMessage {
    /// Returns a complete question of 7 tokens that belongs to no turn.
    #[must_use]
    pub fn fixture() -> Self {
        Self::question("Why is the sky blue?".to_owned(), 7, Timestamp::FIXTURE)
    }
}

impl MessageAccepted {
    /// Returns the event that accepts [`Message::full_fixture`].
    #[must_use]
    pub fn fixture() -> Self {
        Self::new(&Message::full_fixture(), &Message::full_fixture(), TurnId::generate(), None)
    }
}
