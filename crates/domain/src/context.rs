use serde::{Deserialize, Serialize};

use crate::{ExampleId, ModelParameters, Timestamp};

/// What goes to the model beside the messages of a conversation. It is kept with the conversation,
/// and is no message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Context {
    /// How the model should behave in this conversation, in place of the server's prompt.
    pub system_prompt: Option<SystemPrompt>,
    /// How the model is to choose its words in this conversation.
    pub parameters: ModelParameters,
    /// Examples of what an answer should be like, in the order of adding.
    pub examples: Vec<FewShotExample>,
    /// What stands for the oldest messages.
    pub summary: Option<Summary>,
}

/// How the model should behave.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemPrompt {
    /// What the model is told.
    pub text: String,
    /// Tokens of the text alone.
    pub token_count: u32,
}

/// A question, and the answer that the model should have given.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FewShotExample {
    /// Its id.
    pub example_id: ExampleId,
    /// The question.
    pub user_prompt: String,
    /// The answer.
    pub assistant_response: String,
    /// Tokens of the question alone.
    pub prompt_tokens: u32,
    /// Tokens of the answer alone.
    pub response_tokens: u32,
    /// When it was added.
    pub created_at: Timestamp,
}

/// What stands for the oldest messages when the model is asked. The messages themselves stay.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// What the model is told of them.
    pub text: String,
    /// Tokens of the text alone.
    pub token_count: u32,
    /// The position of the last message that it covers; 0 when it covers what came before the
    /// first message that is kept.
    pub through: u64,
    /// How many messages it covers, of those that the user sees.
    pub message_count: u64,
    /// When it was written.
    pub created_at: Timestamp,
    /// Who wrote it.
    pub author: SummaryAuthor,
}

/// Who wrote a summary.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SummaryAuthor {
    /// The model, to make room.
    Model,
    /// The user, in place of another.
    User,
    /// The application that Webchat replaces.
    Import,
}
