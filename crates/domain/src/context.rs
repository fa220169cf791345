//! The context of a conversation, and the settings of its user.

use serde::{Deserialize, Serialize};

use crate::integer::deserialize_integer;
use crate::{ExampleId, ModelId, ModelParameters, Timestamp};

/// The context of a conversation: what is sent to the model in addition to its messages. It is stored
/// with the conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Context {
    /// The system prompt of this conversation, which replaces the server's.
    pub system_prompt: Option<SystemPrompt>,
    /// The sampling parameters of this conversation.
    pub parameters: ModelParameters,
    /// The maximum number of tokens of an answer in this conversation. The server's maximum applies if it is lower.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_tokens: Option<u32>,
    /// The model of this conversation. Without one, the first model that the user may use answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelId>,
    /// The few-shot examples, in the order in which they were added.
    pub examples: Vec<FewShotExample>,
    /// The summary that replaces the oldest messages.
    pub summary: Option<Summary>,
}

/// A system prompt: how the model should behave.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemPrompt {
    /// The text.
    pub text: String,
    /// The number of tokens of the text.
    #[serde(deserialize_with = "deserialize_integer")]
    pub token_count: u32,
}

/// An example: a question, and the answer that the model should give.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FewShotExample {
    /// The example's id.
    pub example_id: ExampleId,
    /// The question.
    pub user_prompt: String,
    /// The answer.
    pub assistant_response: String,
    /// The number of tokens of the question.
    #[serde(deserialize_with = "deserialize_integer")]
    pub prompt_tokens: u32,
    /// The number of tokens of the answer.
    #[serde(deserialize_with = "deserialize_integer")]
    pub response_tokens: u32,
    /// When the example was added.
    pub created_at: Timestamp,
}

/// A summary that is sent to the model instead of the oldest messages. The messages themselves are
/// kept.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The summary's text.
    pub text: String,
    /// The number of tokens of the text.
    #[serde(deserialize_with = "deserialize_integer")]
    pub token_count: u32,
    /// The position of the last message that the summary covers; 0 if it covers messages before the
    /// first stored one.
    #[serde(deserialize_with = "deserialize_integer")]
    pub through: u64,
    /// The number of visible messages that the summary covers.
    #[serde(deserialize_with = "deserialize_integer")]
    pub message_count: u64,
    /// When the summary was written.
    pub created_at: Timestamp,
    /// The author of the summary.
    pub author: SummaryAuthor,
}

/// The author of a summary.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SummaryAuthor {
    /// The model, when the conversation was compacted.
    Model,
    /// The user, who edited it.
    User,
    /// The Flask application, from which the conversation was imported.
    Import,
}

/// The settings of a user, which apply to all of the user's conversations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UserSettings {
    /// The system prompt of conversations without their own. It replaces the server's.
    pub system_prompt: Option<SystemPrompt>,
}

/// Whose system prompt applies to a conversation.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PromptSource {
    /// The conversation's own.
    Conversation,
    /// The user's default.
    User,
    /// The server's.
    Server,
}
