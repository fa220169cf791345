use async_trait::async_trait;
use futures_util::stream::BoxStream;
use serde::{Deserialize, Serialize};
use webchat_domain::{FinishReason, ModelParameters};

use crate::ModelError;

/// An answer as it is made.
///
/// Unless it fails, [`Delta::Finished`] comes exactly once. After an error comes nothing more.
/// Dropping the stream closes the connection to the model, which then stops.
pub type DeltaStream = BoxStream<'static, Result<Delta, ModelError>>;

/// A model that answers conversations.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait ChatModel: Send + Sync {
    /// What the operator named the model, else what it last called itself: `None` until it did.
    fn name(&self) -> Option<String>;

    /// Starts an answer. Returns when the model begins it; its text may take longer.
    ///
    /// # Errors
    ///
    /// When the model can't be reached or refuses the request.
    ///
    /// # Cancellation
    ///
    /// Dropping the future or the stream closes the connection to the model; over HTTP/2, which shares
    /// it, only what belongs to this request.
    async fn stream(&self, request: ChatRequest) -> Result<DeltaStream, ModelError>;
}

/// What a model is asked to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatRequest {
    /// The conversation, oldest message first.
    pub messages: Vec<ChatMessage>,
    /// The answer ends with [`FinishReason::Length`] when it has this many tokens.
    pub max_reply_tokens: u32,
    /// How the model is to choose its words. They win over the server's own.
    pub parameters: ModelParameters,
}

/// One message as the model gets it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChatMessage {
    /// Who speaks.
    pub role: ChatRole,
    /// What is said.
    pub content: String,
}

/// Who speaks to the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChatRole {
    /// The operator.
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
}

/// The next part of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delta {
    /// Text to append; never empty.
    Text(String),
    /// What the answer was filtered for, as the provider calls it: `hate`, `self_harm`, …; from those
    /// that say so, before [`Delta::Finished`].
    Filtered(Vec<String>),
    /// Why the answer ended: [`FinishReason::Stop`], [`FinishReason::Length`] or
    /// [`FinishReason::ContentFilter`].
    Finished(FinishReason),
    /// What the answer took, from models that report it, mostly after [`Delta::Finished`]. If it
    /// comes more than once, the last one counts.
    Usage(Usage),
}

/// What an answer took, by the model's own count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Tokens of the request.
    pub prompt_tokens: u32,
    /// Tokens of the answer.
    pub completion_tokens: u32,
}
