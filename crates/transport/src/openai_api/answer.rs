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

    /// Waits for the end. Returns the remaining text.
    ///
    /// # Errors
    /// The reason why the answer failed.
    pub(super) async fn complete(mut self) -> Result<(String, CompletionEnd), ApiError> {
        let mut content = String::new();
        loop {
            match self.next().await? {
                CompletionEvent::Text(text) => content.push_str(&text),
                CompletionEvent::End(end) => return Ok((content, end)),
            }
        }
    }
}

/// The answer of a turn.
pub(super) struct TurnAnswer {
    state: TurnState,
    turn_id: TurnId,
    ready: VecDeque<Result<CompletionEvent, ApiError>>,
    /// The number of bytes of the answer that have been received.
    received: usize,
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
            received: 0,
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
        let rest = answer.content.get(self.received..).unwrap_or_default().to_owned();
        self.add_text(rest);
        self.error = error.map(problem);
        self.add_end(finish_reason, usage.as_ref());
    }

    fn add(&mut self, event: &EventBody) {
        let turn_id = self.turn_id;
        match event {
            EventBody::ResponseChunk(chunk) if chunk.turn_id == turn_id => {
                self.add_text(chunk.chunk.clone());
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

    fn add_text(&mut self, text: String) {
        self.received = self.received.saturating_add(text.len());
        if !text.is_empty() {
            self.ready.push_back(Ok(CompletionEvent::Text(text)));
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
    let (prompt_tokens, total) = usage.map_or((0, 0), |usage| {
        let Ledger { total, reserved, .. } = usage.ledger;
        (total.saturating_sub(reserved), usage.total_tokens_used)
    });
    CompletionEnd {
        finish_reason,
        prompt_tokens,
        completion_tokens: total.saturating_sub(prompt_tokens),
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
