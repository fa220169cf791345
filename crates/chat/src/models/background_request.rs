//! A bounded request to the model that the server makes in the background: for a title, a summary, or a
//! file analysis.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::timeout;
use webchat_domain::{Caller, FinishReason, ModelParameters};
use webchat_llm::{AnswerLimit, ChatRequest, ChatRole, Delta, FilteredCategory, ModelError, Usage};
use webchat_tokens::{chunks, with_overhead};

use super::answer_bounds::AnswerBound;
use super::reasoning::without_reasoning;
use super::registry::Model;
use super::request_error::RequestError;
use super::request_metrics::{Purpose, RequestMetrics};
use crate::context::prompts::chat_message;
use crate::runtime::core::Core;

/// The minimum number of tokens to which an answer is truncated.
const MIN_TRUNCATED_TOKENS: u32 = 16;

/// A request with instructions and the content that they apply to.
#[derive(Clone)]
pub(crate) struct BackgroundRequest {
    pub(crate) model: Arc<Model>,
    /// The caller on whose behalf the request is sent.
    pub(crate) caller: Caller,
    pub(crate) purpose: Purpose,
    pub(crate) instructions: Cow<'static, str>,
    pub(crate) content: String,
    pub(crate) answer_limit: AnswerLimit,
    /// The timeout for the complete answer.
    pub(crate) timeout: Duration,
}

impl BackgroundRequest {
    /// Sends the request and returns the complete answer, trimmed and without reasoning.
    ///
    /// # Errors
    /// When the model fails, exceeds the timeout, or returns an answer that is cut off, filtered, empty or only
    /// reasoning, or if the caller's remaining budgets are too small: then nothing is sent.
    pub(crate) async fn send(self, core: &Core) -> Result<String, RequestError> {
        let prompt_tokens = self.prompt_tokens(core).await;
        let max_tokens = prompt_tokens.saturating_add(self.answer_limit.tokens());
        let reservation = core.reserve_tokens(self.caller, max_tokens).await?;
        let request = ChatRequest {
            messages: vec![
                chat_message(ChatRole::System, self.instructions.into_owned()),
                chat_message(ChatRole::User, self.content),
            ],
            conversation_id: None,
            user_id: Some(self.caller.user_id),
            answer_limit: self.answer_limit,
            parameters: ModelParameters::default(),
            stop: Vec::new(),
        };
        let mut answer = Answer::default();
        let mut metrics = RequestMetrics::start(self.purpose);
        let receive = answer.receive(&self.model, request, &mut metrics);
        let result = timeout(self.timeout, receive).await;
        let result =
            result.unwrap_or_else(|_| Err(ModelError::Failed("the answer timed out".into())));
        let result = result.and_then(|()| answer.usable_text());
        metrics.end(answer.usage, result.as_ref().err().map(ModelError::code));
        let used_tokens = answer.used_tokens(core, &self.model, prompt_tokens).await;
        core.settle_tokens(reservation, used_tokens).await;
        Ok(result?)
    }

    async fn prompt_tokens(&self, core: &Core) -> u32 {
        let content = core.count_tokens(&self.model, &self.content).await;
        let counter = core.loaded_counter(&self.model).await;
        let instructions = counter.count(&self.instructions);
        with_overhead(content).saturating_add(with_overhead(instructions))
    }

    /// Sends the request like [`BackgroundRequest::send`], and truncates a complete answer to its limit by our
    /// count, if possible at the end of a sentence. The model may count tokens differently.
    pub(crate) async fn send_and_truncate(self, core: &Core) -> Result<String, RequestError> {
        let max_tokens = self.answer_limit.tokens().max(MIN_TRUNCATED_TOKENS);
        let model = Arc::clone(&self.model);
        let text = self.send(core).await?;
        let mut truncated = chunks(&text, max_tokens, core.loaded_counter(&model).await);
        Ok(truncated.next().unwrap_or_default().trim().to_owned())
    }
}

/// The received part of an answer.
#[derive(Default)]
struct Answer {
    text: String,
    reasoning: String,
    usage: Option<Usage>,
    has_started: bool,
    finish_reason: Option<FinishReason>,
    filtered_categories: Vec<FilteredCategory>,
}

impl Answer {
    /// Receives the answer. Closes the connection when the text exceeds its bound, and keeps the text received
    /// until then.
    async fn receive(
        &mut self,
        model: &Model,
        request: ChatRequest,
        metrics: &mut RequestMetrics,
    ) -> Result<(), ModelError> {
        let mut bound = AnswerBound::new(request.answer_limit.tokens());
        let mut deltas = model.stream(request).await?;
        self.has_started = true;
        while let Some(delta) = deltas.next().await {
            match delta? {
                Delta::Reasoning(chunk) => self.reasoning.push_str(&chunk),
                Delta::Text(chunk) => {
                    let _ = metrics.received_text();
                    let is_complete = bound.admits(&chunk);
                    self.text.push_str(&bound.admit(chunk));
                    if !is_complete {
                        self.finish_reason = Some(FinishReason::Length);
                        break;
                    }
                }
                Delta::Usage(usage) => self.usage = Some(usage),
                Delta::Filtered(categories) => self.filtered_categories = categories,
                Delta::Finished(reason) => self.finish_reason = Some(reason),
            }
        }
        Ok(())
    }

    /// Returns the text if it is complete, without reasoning.
    fn usable_text(&self) -> Result<String, ModelError> {
        match self.finish_reason {
            Some(FinishReason::ContentFilter) => {
                let categories = self.filtered_categories.clone();
                let cause = "the answer was filtered".into();
                return Err(ModelError::ContentFilter { categories, cause });
            }
            Some(FinishReason::Length) => {
                return Err(ModelError::AnswerTooLong(
                    "the answer reached its maximum length".into(),
                ));
            }
            _ => {}
        }
        let text = without_reasoning(&self.text);
        if text.is_empty() {
            let cause = "the answer has only reasoning".into();
            return Err(ModelError::EmptyAnswer { is_cut_off: false, cause });
        }
        Ok(text.to_owned())
    }

    /// Returns the number of tokens that the request used: as reported by the model, otherwise by our own count.
    async fn used_tokens(&self, core: &Core, model: &Model, prompt_tokens: u32) -> u64 {
        match self.usage {
            Some(usage) => usage.total(),
            None if !self.has_started => 0,
            None => {
                let (text, reasoning) = (&self.text, &self.reasoning);
                let text = core.count_tokens(model, text).await;
                [prompt_tokens, text, core.count_tokens(model, reasoning).await]
                    .map(u64::from)
                    .iter()
                    .sum()
            }
        }
    }
}
