//! Messages: questions and answers.

use serde::{Deserialize, Serialize};

use crate::{ConversationId, MessageId, Problem, Timestamp, TurnId};

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
    /// The number of tokens of the text, without what the chat format adds.
    pub token_count: u32,
    /// The status of the message.
    pub status: MessageStatus,
    /// Why the answer failed, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub error: Option<Problem>,
    /// When the message was appended.
    pub created_at: Timestamp,
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
}
