//! Messages: questions and answers. All structs that contain the fields of a message are here, so that adding a
//! field changes only one file.

pub(crate) mod reasoning;

use serde::{Deserialize, Serialize};

use self::reasoning::Reasoning;
use crate::{ClientMessageId, ConversationId, MessageId, ModelId, Problem, Timestamp, TurnId};

/// The author of a message. System prompts are not messages.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The user.
    User,
    /// The model.
    Assistant,
}

/// The status of a message.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageStatus {
    /// The message is complete.
    Complete,
    /// The user stopped the answer.
    Stopped,
    /// The server stopped before the answer was complete. An answer has this status while it is being
    /// generated, so that a crash needs no repair.
    Interrupted,
    /// The model gave no answer, or the answer was interrupted by an error.
    Failed,
    /// The answer reached its length limit.
    Truncated,
}

/// A stored message.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The message's id.
    pub message_id: MessageId,
    /// The conversation that the message belongs to.
    pub conversation_id: ConversationId,
    /// The position in the conversation, from 1, in the order of appending. Positions rise along a
    /// path, with gaps for the messages of other versions.
    pub position: u64,
    /// The preceding message; `null` for the first one.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub parent_id: Option<MessageId>,
    /// The turn that the message belongs to; `null` for an imported message.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub turn_id: Option<TurnId>,
    /// The author of the message.
    pub role: Role,
    /// The text, verbatim.
    pub content: String,
    /// The reasoning of the model before the text. Absent if the model has shown none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub reasoning: Option<Reasoning>,
    /// The number of tokens of the text, without the overhead of the chat format.
    pub token_count: u32,
    /// The status of the message.
    pub status: MessageStatus,
    /// The reason why the answer failed, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub error: Option<Problem>,
    /// When the message was appended.
    pub created_at: Timestamp,
    /// When the turn that generated the answer ended. Absent if it is unknown, and if the answer was continued: then
    /// its parts were generated at different times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub ended_at: Option<Timestamp>,
    /// The model that generated the answer, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub model: Option<ModelId>,
}

/// A message and its alternative versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VersionedMessage {
    /// The message.
    #[serde(flatten)]
    pub message: Message,
    /// The ids of all versions, including this one, oldest first.
    pub versions: Vec<MessageId>,
}

/// A question is stored, and its turn begins.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageAccepted {
    /// The question's id.
    pub message_id: MessageId,
    /// The question's position in the conversation.
    pub position: u64,
    /// The turn that produces the answer.
    pub turn_id: TurnId,
    /// The id that the client gave to the message, if any.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub client_message_id: Option<ClientMessageId>,
    /// The answer's id.
    pub answer_id: MessageId,
    /// The question's text.
    pub content: String,
    /// The number of tokens of the question's text.
    pub token_count: u32,
    /// When the question was stored.
    pub created_at: Timestamp,
    /// The model that answers, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub model: Option<ModelId>,
}

/// A message to append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    /// The message's id.
    pub message_id: MessageId,
    /// The turn that the message belongs to.
    pub turn_id: Option<TurnId>,
    /// The author of the message.
    pub role: Role,
    /// The text, verbatim.
    pub content: String,
    /// The number of tokens of the text.
    pub token_count: u32,
    /// The status of the message.
    pub status: MessageStatus,
    /// When the message is appended.
    pub created_at: Timestamp,
    /// The model that generates the answer.
    pub model: Option<ModelId>,
}

impl NewMessage {
    /// Creates a complete question that belongs to no turn.
    #[must_use]
    pub fn question(content: String, token_count: u32, created_at: Timestamp) -> Self {
        Self::new(Role::User, content, token_count, created_at)
    }

    /// Creates a complete answer that belongs to no turn.
    #[must_use]
    pub fn answer(content: String, token_count: u32, created_at: Timestamp) -> Self {
        Self::new(Role::Assistant, content, token_count, created_at)
    }

    /// Creates a complete message that belongs to no turn, like imported messages.
    #[must_use]
    pub fn new(role: Role, content: String, token_count: u32, created_at: Timestamp) -> Self {
        Self {
            message_id: MessageId::generate(),
            turn_id: None,
            role,
            content,
            token_count,
            status: MessageStatus::Complete,
            created_at,
            model: None,
        }
    }

    /// Assigns the message to a turn.
    #[must_use]
    pub fn in_turn(self, turn_id: TurnId) -> Self {
        Self { turn_id: Some(turn_id), ..self }
    }

    /// Converts the new message into a message at a position of a conversation.
    #[must_use]
    pub fn into_message(
        self,
        conversation_id: ConversationId,
        position: u64,
        parent_id: Option<MessageId>,
    ) -> Message {
        Message {
            message_id: self.message_id,
            conversation_id,
            position,
            parent_id,
            turn_id: self.turn_id,
            role: self.role,
            content: self.content,
            reasoning: None,
            token_count: self.token_count,
            status: self.status,
            error: None,
            created_at: self.created_at,
            ended_at: None,
            model: self.model,
        }
    }
}

impl Message {
    /// Returns whether this is an answer without text, apart from white space. It is not sent to the model.
    #[must_use]
    pub fn is_blank_answer(&self) -> bool {
        self.role == Role::Assistant && self.content.trim().is_empty()
    }

    /// Returns the size of the text and of the reasoning in bytes.
    #[must_use]
    pub fn text_bytes(&self) -> usize {
        self.content.len() + self.reasoning.as_ref().map_or(0, |reasoning| reasoning.text.len())
    }
}

impl MessageAccepted {
    /// Creates the event that announces a question and its answer. The turn may be newer than the question.
    #[must_use]
    pub fn new(
        question: &Message,
        answer: &Message,
        turn_id: TurnId,
        client_message_id: Option<ClientMessageId>,
    ) -> Self {
        Self {
            message_id: question.message_id,
            position: question.position,
            turn_id,
            client_message_id,
            answer_id: answer.message_id,
            content: question.content.clone(),
            token_count: question.token_count,
            created_at: question.created_at,
            model: answer.model.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_new_message_keeps_its_values_when_it_gets_a_position() {
        let (turn_id, created_at) = (TurnId::generate(), Timestamp::from_unix_millis(7));
        let new = NewMessage::answer("The moon.".to_owned(), 3, created_at).in_turn(turn_id);
        let (conversation_id, parent_id) = (ConversationId::generate(), MessageId::generate());

        let message = new.clone().into_message(conversation_id, 2, Some(parent_id));

        assert_eq!(
            serde_json::to_value(message).unwrap(),
            json!({
                "message_id": new.message_id, "conversation_id": conversation_id, "position": 2,
                "parent_id": parent_id, "turn_id": turn_id, "role": "assistant",
                "content": "The moon.", "token_count": 3, "status": "complete",
                "created_at": created_at,
            })
        );
    }

    #[test]
    fn an_accepted_question_has_the_turn_of_its_answer() {
        let created_at = Timestamp::from_unix_millis(7);
        let new = NewMessage::question("Why?".to_owned(), 2, created_at);
        let question =
            new.in_turn(TurnId::generate()).into_message(ConversationId::generate(), 4, None);
        let model = Some("gpt-4o".parse().unwrap());
        let answer = Message { model, ..Message::fixture() };
        let turn_id = TurnId::generate();

        let accepted = MessageAccepted::new(&question, &answer, turn_id, None);

        assert_eq!(
            serde_json::to_value(accepted).unwrap(),
            json!({
                "message_id": question.message_id, "position": 4, "turn_id": turn_id,
                "client_message_id": null, "answer_id": answer.message_id, "content": "Why?",
                "token_count": 2, "created_at": created_at, "model": "gpt-4o",
            })
        );
    }
}
