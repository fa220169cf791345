//! The request for a completion.

use webchat_domain::ModelParameters;
use webchat_llm::ChatMessage;

/// A request for a completion.
#[derive(Clone, Debug)]
pub struct CompletionRequest {
    /// All messages that are sent to the model, oldest first.
    pub messages: Vec<ChatMessage>,
    /// The sampling parameters.
    pub parameters: ModelParameters,
    /// The maximum length of the answer in tokens. It is at most that of the server, which is also the default.
    pub max_tokens: Option<u32>,
    /// Texts at which the answer ends.
    pub stop: Vec<String>,
}
