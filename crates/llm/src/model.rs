//! The port: a chat model that streams its answers.

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use serde::{Deserialize, Serialize};
use webchat_domain::{ConversationId, FinishReason, ModelParameters, UserId};

use crate::content_filter::FilteredCategory;
use crate::deployments::state::DeploymentState;
use crate::error::ModelError;

/// A streamed answer.
///
/// Unless the answer fails, its last item is [`Delta::Finished`]. An error is always the last item.
/// Dropping the stream closes the connection to the model, which then stops.
pub type DeltaStream = BoxStream<'static, Result<Delta, ModelError>>;

/// A chat model.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait ChatModel: Send + Sync {
    /// Returns the configured name, or else the name that the model last reported. Returns `None` if there
    /// is neither yet.
    fn name(&self) -> Option<String>;

    /// Returns the state of its deployments, in the order of the settings. A model that has none returns an empty list.
    fn deployments(&self) -> Vec<DeploymentState> {
        Vec::new()
    }

    /// Starts an answer. Returns when the answer begins, which may be before its first text.
    ///
    /// # Errors
    ///
    /// When the model can't be reached or rejects the request.
    ///
    /// # Cancellation
    ///
    /// Dropping the future or the stream closes the connection to the model. Over HTTP/2, where
    /// requests share a connection, it resets only this request.
    async fn stream(&self, request: ChatRequest) -> Result<DeltaStream, ModelError>;
}

/// A request to a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatRequest {
    /// The conversation, oldest message first.
    pub messages: Vec<ChatMessage>,
    /// The maximum length of the answer. At this length it ends with [`FinishReason::Length`].
    pub answer_limit: AnswerLimit,
    /// The conversation, if there is one. It is not sent to the model. Requests of a conversation prefer the same
    /// deployment.
    pub conversation_id: Option<ConversationId>,
    /// The user on whose behalf the request is sent. It is not sent to the model. Without it, failures count
    /// as those of different users.
    pub user_id: Option<UserId>,
    /// The sampling parameters. They override those of the server.
    pub parameters: ModelParameters,
    /// Texts at which the answer ends. They are not part of it.
    pub stop: Vec<String>,
}

/// The maximum length of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerLimit {
    /// This many tokens.
    Tokens(u32),
    /// The model's own maximum. The request names no number, because most models reject one above their maximum,
    /// which they don't report.
    ModelMaximum {
        /// The number of tokens for which there is space. It bounds the received bytes.
        expected: u32,
    },
}

impl AnswerLimit {
    /// Returns the number of tokens for which there is space.
    #[must_use]
    pub fn tokens(self) -> u32 {
        match self {
            Self::Tokens(tokens) | Self::ModelMaximum { expected: tokens } => tokens,
        }
    }

    /// Returns the number of tokens that the request names.
    pub(crate) fn requested(self) -> Option<u32> {
        match self {
            Self::Tokens(tokens) => Some(tokens),
            Self::ModelMaximum { .. } => None,
        }
    }
}

/// A message as it is sent to the model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChatMessage {
    /// The author's role.
    pub role: ChatRole,
    /// The text.
    pub content: String,
}

/// The role of a message's author.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChatRole {
    /// The operator.
    System,
    /// The user.
    User,
    /// The model.
    Assistant,
}

/// An item of a streamed answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delta {
    /// Reasoning to append; never empty. It comes before the text, as a rule.
    Reasoning(String),
    /// Text to append; never empty.
    Text(String),
    /// What the provider's content filter found, from providers that say it. It comes before [`Delta::Finished`].
    Filtered(Vec<FilteredCategory>),
    /// Why the answer ended: [`FinishReason::Stop`], [`FinishReason::Length`] or
    /// [`FinishReason::ContentFilter`].
    Finished(FinishReason),
    /// The token usage, from models that report it. If it comes more than once, the last one counts.
    Usage(Usage),
}

/// The token usage of an answer, as counted by the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Tokens of the request.
    pub prompt_tokens: u32,
    /// Tokens of the request that the provider had cached, from providers that report them.
    pub cached_tokens: Option<u32>,
    /// Tokens of the answer, with those of its reasoning.
    pub completion_tokens: u32,
    /// Tokens of the reasoning, from models that report them.
    pub reasoning_tokens: Option<u32>,
}

impl Usage {
    /// Returns the tokens of request and answer together.
    #[must_use]
    pub fn total(self) -> u64 {
        u64::from(self.prompt_tokens) + u64::from(self.completion_tokens)
    }

    /// Returns the tokens of the answer without those of its reasoning, as far as the model reports them.
    #[must_use]
    pub fn text_tokens(self) -> u32 {
        self.completion_tokens.saturating_sub(self.reasoning_tokens.unwrap_or_default())
    }
}
