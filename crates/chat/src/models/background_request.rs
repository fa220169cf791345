//! A bounded request to the model that the server makes in the background: for a title, a summary, or a
//! file analysis.

use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::timeout;
use webchat_domain::ModelParameters;
use webchat_llm::{ChatRequest, ChatRole, Delta, ModelError};
use webchat_tokens::chunks;

use super::answer_bounds::AnswerBound;
use crate::context::prompts::chat_message;
use crate::runtime::core::Core;

/// The minimum number of tokens to which an answer is truncated.
const MIN_TRUNCATED_TOKENS: u32 = 16;

/// A request with instructions and the content that they apply to.
#[derive(Clone)]
pub(crate) struct BackgroundRequest {
    pub(crate) instructions: &'static str,
    pub(crate) content: String,
    pub(crate) max_reply_tokens: u32,
    /// The timeout for the complete answer.
    pub(crate) timeout: Duration,
}

impl BackgroundRequest {
    /// Returns the complete answer, trimmed.
    ///
    /// # Errors
    /// When the model fails, exceeds the timeout, or returns an empty answer.
    pub(crate) async fn send(self, core: &Core) -> Result<String, ModelError> {
        let request = ChatRequest {
            messages: vec![
                chat_message(ChatRole::System, self.instructions.to_owned()),
                chat_message(ChatRole::User, self.content),
            ],
            max_reply_tokens: self.max_reply_tokens,
            parameters: ModelParameters::default(),
        };
        let answer = timeout(self.timeout, collect_text(core, request)).await;
        let text = answer.map_err(|_| ModelError::Failed("the answer timed out".into()))??;
        non_empty(&text)
    }

    /// Like [`BackgroundRequest::send`], but truncates the answer to `max_reply_tokens` by our count, if
    /// possible at the end of a sentence. The model may count tokens differently.
    pub(crate) async fn send_and_truncate(self, core: &Core) -> Result<String, ModelError> {
        let max_tokens = self.max_reply_tokens.max(MIN_TRUNCATED_TOKENS);
        let text = self.send(core).await?;
        let mut truncated = chunks(&text, max_tokens, core.counter());
        non_empty(truncated.next().unwrap_or_default())
    }
}

/// Returns the text of the answer. Closes the connection when the text exceeds its bound, and returns what was
/// received until then.
async fn collect_text(core: &Core, request: ChatRequest) -> Result<String, ModelError> {
    let mut bound = AnswerBound::new(request.max_reply_tokens);
    let mut deltas = core.ports.model.stream(request).await?;
    let mut text = String::new();
    while let Some(delta) = deltas.next().await {
        if let Delta::Text(chunk) = delta? {
            let is_complete = bound.admits(&chunk);
            text.push_str(&bound.admit(chunk));
            if !is_complete {
                break;
            }
        }
    }
    Ok(text)
}

fn non_empty(text: &str) -> Result<String, ModelError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(ModelError::Failed("the answer is empty".into()));
    }
    Ok(text.to_owned())
}
