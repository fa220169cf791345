//! An answer that is being generated: a completion of which nothing is stored, or the turn of a conversation.

use std::collections::VecDeque;

use futures_util::future::{FutureExt, LocalBoxFuture};
use webchat_chat::{
    ChatError, Completion, CompletionEnd, CompletionEvent, TurnProgress, TurnResult, Update,
};
use webchat_domain::{EventBody, FinishReason, Ledger, Problem, TokenUsage, TurnFailed, TurnId};

use super::error::OpenAiError;
use crate::error::api_error::ApiError;

/// An answer that is being generated.
pub(super) enum Answer {
    Completion(Completion),
    Turn(Box<TurnAnswer>),
}

impl Answer {
    /// Waits for the next event. Don't call it again after the end or an error.
    ///
    /// # Errors
    /// The reason why the answer failed.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe.
    pub(super) async fn next(&mut self) -> Result<CompletionEvent, ApiError> {
        match self {
            Self::Completion(completion) => match completion.next().await {
                Some(event) => Ok(event?),
                None => Err(ApiError::internal("a completion ended without its last event")),
            },
            Self::Turn(turn) => turn.next().await,
        }
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// The reason why the answer failed.
    pub(super) async fn complete(mut self) -> Result<CompleteAnswer, ApiError> {
        let (mut content, mut reasoning) = (String::new(), String::new());
        loop {
            match self.next().await? {
                CompletionEvent::Reasoning(chunk) => reasoning.push_str(&chunk),
                CompletionEvent::Text(chunk) => content.push_str(&chunk),
                CompletionEvent::End(end) => return Ok(CompleteAnswer { content, reasoning, end }),
            }
        }
    }
}

/// An answer that is complete.
pub(super) struct CompleteAnswer {
    pub(super) content: String,
    /// Empty if the model has shown none.
    pub(super) reasoning: String,
    pub(super) end: CompletionEnd,
}

/// The answer of a turn.
pub(super) struct TurnAnswer {
    state: TurnState,
    turn_id: TurnId,
    ready: VecDeque<Result<CompletionEvent, ApiError>>,
    /// The number of bytes of the answer's text that have been received.
    received_text: usize,
    /// The number of bytes of its reasoning that have been received.
    received_reasoning: usize,
    error: Option<Problem>,
    finish_reason: FinishReason,
}

enum TurnState {
    Running(Box<TurnProgress>),
    /// The result is read from the store, because the turn had ended before the request, or the log no longer has all
    /// events.
    Reading(LocalBoxFuture<'static, Result<TurnResult, ChatError>>),
    Ended,
}

impl TurnAnswer {
    pub(super) fn new(progress: TurnProgress) -> Self {
        Self {
            turn_id: progress.accepted().turn_id,
            state: TurnState::Running(Box::new(progress)),
            ready: VecDeque::new(),
            received_text: 0,
            received_reasoning: 0,
            error: None,
            finish_reason: FinishReason::Stop,
        }
    }

    async fn next(&mut self) -> Result<CompletionEvent, ApiError> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return event;
            }
            match &mut self.state {
                TurnState::Running(progress) => match progress.next().await {
                    Some(Update::Events(events)) => {
                        for event in &events {
                            self.add(&event.body);
                        }
                    }
                    Some(Update::Gap { .. }) | None => self.read_result(),
                },
                TurnState::Reading(result) => {
                    let result = result.await;
                    self.state = TurnState::Ended;
                    self.add_result(result?);
                }
                TurnState::Ended => {
                    return Err(ApiError::internal("a turn ended without its last event"));
                }
            }
        }
    }

    fn read_result(&mut self) {
        if let TurnState::Running(progress) = std::mem::replace(&mut self.state, TurnState::Ended) {
            self.state = TurnState::Reading(progress.result().boxed_local());
        }
    }

    fn add_result(&mut self, result: TurnResult) {
        let TurnResult { answer, finish_reason, error, usage, .. } = result;
        let reasoning = answer.reasoning.map(|reasoning| reasoning.text).unwrap_or_default();
        self.add_reasoning(reasoning.get(self.received_reasoning..).unwrap_or_default());
        self.add_text(answer.content.get(self.received_text..).unwrap_or_default());
        self.error = error.map(problem);
        self.add_end(finish_reason, usage.as_ref());
    }

    fn add(&mut self, event: &EventBody) {
        let turn_id = self.turn_id;
        match event {
            EventBody::ReasoningChunk(chunk) if chunk.turn_id == turn_id => {
                self.add_reasoning(&chunk.chunk);
            }
            EventBody::ResponseChunk(chunk) if chunk.turn_id == turn_id => {
                self.add_text(&chunk.chunk);
            }
            EventBody::Error(error) if error.turn_id == turn_id => {
                self.error = Some(problem(error.clone()));
            }
            EventBody::ResponseEnd(end) if end.turn_id == turn_id => {
                self.finish_reason = end.finish_reason;
            }
            EventBody::TokenUsage(usage) if usage.turn_id == turn_id => {
                self.add_end(self.finish_reason, Some(usage));
            }
            _ => {}
        }
    }

    fn add_reasoning(&mut self, chunk: &str) {
        self.received_reasoning = self.received_reasoning.saturating_add(chunk.len());
        if !chunk.is_empty() {
            self.ready.push_back(Ok(CompletionEvent::Reasoning(chunk.to_owned())));
        }
    }

    fn add_text(&mut self, chunk: &str) {
        self.received_text = self.received_text.saturating_add(chunk.len());
        if !chunk.is_empty() {
            self.ready.push_back(Ok(CompletionEvent::Text(chunk.to_owned())));
        }
    }

    fn add_end(&mut self, finish_reason: FinishReason, usage: Option<&TokenUsage>) {
        let end = match (finish_reason, self.error.take()) {
            (FinishReason::Failed, Some(problem)) => Err(OpenAiError::turn_failed(problem)),
            (FinishReason::Failed | FinishReason::Interrupted, _) => {
                Err(OpenAiError::turn_failed(interrupted()))
            }
            _ => Ok(CompletionEvent::End(answer_end(finish_reason, usage))),
        };
        self.ready.push_back(end.map_err(ApiError::from));
    }
}

/// The tokens are 0 if the turn ended so long ago that nobody knows them.
fn answer_end(finish_reason: FinishReason, usage: Option<&TokenUsage>) -> CompletionEnd {
    let Some(usage) = usage else {
        return CompletionEnd {
            finish_reason,
            prompt_tokens: 0,
            cached_tokens: 0,
            completion_tokens: 0,
            reasoning_tokens: 0,
        };
    };
    let Ledger { total, reserved, .. } = usage.ledger;
    let prompt_tokens = total.saturating_sub(reserved);
    CompletionEnd {
        finish_reason,
        prompt_tokens,
        cached_tokens: usage.cached_tokens.min(prompt_tokens),
        completion_tokens: usage.total_tokens_used.saturating_sub(prompt_tokens),
        reasoning_tokens: usage.reasoning_tokens,
    }
}

fn problem(failed: TurnFailed) -> Problem {
    Problem { message: failed.message, code: failed.code }
}

fn interrupted() -> Problem {
    let message = "The server stopped before the answer was complete. The question and the text so far are \
        stored in the conversation.";
    Problem { message: message.to_owned(), code: "model_failed".to_owned() }
}
