//! The task of a completion: sends the request to the model, and passes the answer on.

use std::sync::Arc;

use futures_util::StreamExt;
use tokio::sync::mpsc::Sender;
use tokio::time::sleep;
use webchat_domain::{Caller, FinishReason, Problem, append_reasoning};
use webchat_llm::{AnswerLimit, ChatMessage, ChatRequest, Delta, ModelError, Usage};
use webchat_tokens::{Budget, MESSAGE_OVERHEAD, REPLY_PRIMER, TokenCounter, with_overhead};

use super::completion::{CompletionEnd, CompletionError, CompletionEvent};
use super::request::CompletionRequest;
use crate::error::ChatError;
use crate::models::answer_bounds::AnswerBound;
use crate::models::registry::Model;
use crate::models::request_metrics::{Purpose, RequestMetrics};
use crate::models::token_budget::TokenReservation;
use crate::runtime::core::Core;
use crate::runtime::limits::CallerPermit;
use crate::turns::run::failure::Failure;

/// The task of a completion. It ends when the client is gone.
pub(super) struct CompletionTask {
    pub(super) core: Arc<Core>,
    pub(super) caller: Caller,
    pub(super) model: Arc<Model>,
    /// Counts the completion towards the limits of concurrent answers until it ends.
    pub(super) _permit: CallerPermit,
    pub(super) events: Sender<Result<CompletionEvent, CompletionError>>,
}

/// What is known about an answer so far.
#[derive(Default)]
struct Answer {
    text: String,
    /// As far as its bound admits it.
    reasoning: String,
    prompt_tokens: u32,
    usage: Option<Usage>,
    /// Whether the request was sent and the model did not reject it.
    is_sent: bool,
    reservation: Option<TokenReservation>,
}

impl CompletionTask {
    pub(super) async fn run(self, request: CompletionRequest) {
        let (abort, max) = (self.core.lifecycle.aborting(), self.core.settings.max_turn_duration);
        let mut answer = Answer::default();
        let result = tokio::select! {
            biased;
            () = self.events.closed() => None,
            () = abort.cancelled() => Some(Err(ChatError::ShuttingDown.into())),
            result = self.generate(request, &mut answer) => Some(result),
            () = sleep(max) => Some(Err(Failure::TurnTooLong(max))),
        };
        let usage = answer.used_tokens(&self.core, &self.model).await;
        if let Some(reservation) = answer.reservation.take() {
            self.core.settle_tokens(reservation, usage.total()).await;
        }
        // Without a result, the client is gone.
        let Some(result) = result else { return };
        let end = self.end(result, usage);
        tokio::select! {
            biased;
            _ = self.events.send(end) => {}
            () = abort.cancelled() => {}
        }
    }

    async fn generate(
        &self,
        request: CompletionRequest,
        answer: &mut Answer,
    ) -> Result<FinishReason, Failure> {
        let request = self.prepare(request, answer).await?;
        let mut metrics = RequestMetrics::start(Purpose::Completion);
        let result = self.receive(request, answer, &mut metrics).await;
        metrics.end(answer.usage, result.as_ref().err().map(Failure::code));
        result
    }

    /// Checks that the request fits into the model's window, and reserves its tokens.
    async fn prepare(
        &self,
        request: CompletionRequest,
        answer: &mut Answer,
    ) -> Result<ChatRequest, ChatError> {
        let CompletionRequest { messages, parameters, max_tokens, stop } = request;
        let max = self.model.reserved_tokens();
        let answer_limit = max_tokens
            .map_or(self.model.answer_limit(), |tokens| AnswerLimit::Tokens(tokens.clamp(1, max)));
        let budget = Budget {
            window: self.model.window_tokens,
            reply: answer_limit.tokens(),
            ..Budget::default()
        };
        let bytes = messages.iter().map(|message| message.content.len()).sum();
        budget.may_fit(bytes)?;
        let count = move |counter: TokenCounter| {
            let tokens = |message: &ChatMessage| with_overhead(counter.count(&message.content));
            let total = messages.iter().map(tokens).fold(0, u32::saturating_add);
            (messages, total)
        };
        let user_id = self.caller.user_id;
        let counting = self.core.count_for(user_id, &self.model, bytes, count);
        let (messages, tokens) = counting.await?;
        // The budget adds the overhead of one message.
        budget.fits(tokens.saturating_sub(MESSAGE_OVERHEAD))?;
        answer.prompt_tokens = tokens.saturating_add(REPLY_PRIMER);
        let max_tokens = answer.prompt_tokens.saturating_add(answer_limit.tokens());
        answer.reservation = Some(self.core.reserve_tokens(self.caller, max_tokens).await?);
        Ok(ChatRequest {
            messages,
            answer_limit,
            conversation_id: None,
            user_id: Some(user_id),
            parameters,
            stop,
        })
    }

    async fn receive(
        &self,
        request: ChatRequest,
        answer: &mut Answer,
        metrics: &mut RequestMetrics,
    ) -> Result<FinishReason, Failure> {
        let mut bound = AnswerBound::new(request.answer_limit.tokens());
        answer.is_sent = true;
        let deltas = self.model.stream(request).await;
        answer.is_sent = deltas.is_ok();
        let mut deltas = deltas?;
        let mut finish_reason = FinishReason::Stop;
        let mut categories = Vec::new();
        while let Some(delta) = deltas.next().await {
            match delta? {
                Delta::Reasoning(chunk) => {
                    let chunk = append_reasoning(&mut answer.reasoning, &chunk).to_owned();
                    self.pass_on(chunk, CompletionEvent::Reasoning).await;
                }
                Delta::Text(chunk) => {
                    let _ = metrics.received_text();
                    let is_complete = bound.admits(&chunk);
                    let chunk = bound.admit(chunk);
                    answer.text.push_str(&chunk);
                    self.pass_on(chunk, CompletionEvent::Text).await;
                    if !is_complete {
                        return Err(Failure::AnswerTooLong);
                    }
                }
                Delta::Filtered(filtered) => categories = filtered,
                Delta::Finished(reason) => finish_reason = reason,
                Delta::Usage(usage) => answer.usage = Some(usage),
            }
        }
        if finish_reason == FinishReason::ContentFilter {
            return Err(Failure::Filtered(categories));
        }
        Ok(finish_reason)
    }

    async fn pass_on(&self, chunk: String, event: fn(String) -> CompletionEvent) {
        if !chunk.is_empty() {
            // If the client is gone, the task is stopped.
            let _ = self.events.send(Ok(event(chunk))).await;
        }
    }

    /// Returns the last event. An answer that was cut off or filtered is one. So is an empty answer, because the request
    /// may ask for it, and a refusal, whose text the client has received.
    fn end(
        &self,
        result: Result<FinishReason, Failure>,
        usage: Usage,
    ) -> Result<CompletionEvent, CompletionError> {
        let finish_reason = match result {
            Ok(reason) => reason,
            Err(Failure::Chat(error)) => return Err(error.into()),
            Err(Failure::Model(
                ModelError::Refused(_) | ModelError::EmptyAnswer { is_cut_off: false, .. },
            )) => FinishReason::Stop,
            Err(failure) => {
                let problem = failure.log_and_describe(None, &self.core.turn_failures);
                match (failure.finish_reason(), failure) {
                    (FinishReason::Failed, Failure::Model(error)) => {
                        return Err(model_error(problem, &error));
                    }
                    (reason, _) => reason,
                }
            }
        };
        let Usage { prompt_tokens, cached_tokens, completion_tokens, reasoning_tokens } = usage;
        Ok(CompletionEvent::End(CompletionEnd {
            finish_reason,
            prompt_tokens,
            cached_tokens: cached_tokens.unwrap_or_default(),
            completion_tokens,
            reasoning_tokens: reasoning_tokens.unwrap_or_default(),
        }))
    }
}

fn model_error(problem: Problem, error: &ModelError) -> CompletionError {
    let parameter = match error {
        ModelError::ParameterRefused { parameter, .. } => Some(*parameter),
        _ => None,
    };
    CompletionError::Model { problem, parameter, retry_after: error.retry_after() }
}

impl Answer {
    /// Returns the tokens of the request and of the answer with its reasoning: as reported by the model, otherwise by our
    /// own count.
    async fn used_tokens(&self, core: &Core, model: &Model) -> Usage {
        if !self.is_sent {
            return Usage::default();
        }
        let counted = core.count_tokens(model, &self.reasoning).await;
        if let Some(usage) = self.usage {
            let reasoning = usage.reasoning_tokens.unwrap_or(counted.min(usage.completion_tokens));
            return Usage { reasoning_tokens: Some(reasoning), ..usage };
        }
        Usage {
            prompt_tokens: self.prompt_tokens,
            cached_tokens: None,
            completion_tokens: core.count_tokens(model, &self.text).await.saturating_add(counted),
            reasoning_tokens: Some(counted),
        }
    }
}
