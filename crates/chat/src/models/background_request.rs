//! One bounded request of the server's: for a title, a summary, or the analysis of a file.

use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::timeout;
use webchat_domain::ModelParameters;
use webchat_llm::{ChatRequest, ChatRole, Delta, ModelError};
use webchat_tokens::chunks;

use crate::context::prompts::chat_message;
use crate::runtime::core::Core;

/// Answers are never cut to fewer tokens than this.
const MIN_CUT_TOKENS: u32 = 16;

/// One request of the server's, with instructions and the content that they apply to.
#[derive(Clone)]
pub(crate) struct BackgroundRequest {
    pub(crate) instructions: &'static str,
    pub(crate) content: String,
    pub(crate) max_reply_tokens: u32,
    /// How long the complete answer may take.
    pub(crate) timeout: Duration,
}

impl BackgroundRequest {
    /// Returns the complete answer, trimmed.
    ///
    /// # Errors
    /// When the model fails, exceeds the timeout, or answers nothing.
    pub(crate) async fn send(self, core: &Core) -> Result<String, ModelError> {
        let request = ChatRequest {
            messages: vec![
                chat_message(ChatRole::System, self.instructions.to_owned()),
                chat_message(ChatRole::User, self.content),
            ],
            max_reply_tokens: self.max_reply_tokens,
            parameters: ModelParameters::default(),
        };
        let answered = timeout(self.timeout, collect_text(core, request)).await;
        let text = answered.map_err(|_| ModelError::Failed("the answer timed out".into()))??;
        non_empty(&text)
    }

    /// Like [`BackgroundRequest::send`], but the answer has at most `max_reply_tokens`. The model may count
    /// differently than we do: an answer that is too long by our count is cut at the end of a sentence.
    pub(crate) async fn send_and_cut(self, core: &Core) -> Result<String, ModelError> {
        let max_tokens = self.max_reply_tokens.max(MIN_CUT_TOKENS);
        let text = self.send(core).await?;
        let within = chunks(&text, max_tokens, core.counter());
        non_empty(within.first().copied().unwrap_or_default())
    }
}

async fn collect_text(core: &Core, request: ChatRequest) -> Result<String, ModelError> {
    let mut deltas = core.ports.model.stream(request).await?;
    let mut text = String::new();
    while let Some(delta) = deltas.next().await {
        if let Delta::Text(chunk) = delta? {
            text.push_str(&chunk);
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
