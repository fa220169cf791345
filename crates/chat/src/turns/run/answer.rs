//! Requests the answer from the model, publishes it, and ends the turn.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use tokio::time::{Instant, sleep, timeout};
use tracing::Instrument;
use webchat_domain::{
    EventBody, FinishReason, Message, Problem, Reasoning, ReasoningChunk, ResponseChunk,
    ResponseEnd, TokenUsage, TurnFailed,
};
use webchat_llm::{ChatRequest, ChatRole, Delta, ModelError};
use webchat_persistence::AnswerUpdate;
use webchat_tokens::{ContextPlan, ContextPlanner};

use super::draft::{AppendedReasoning, Draft};
use super::failure::Failure;
use super::turn::{RequestContext, TurnTask};
use crate::context::prompts::{CONTINUE, chat_message, request_messages, tokens_to_continue};
use crate::context::stored_context::EffectiveContext;
use crate::error::ChatError;
use crate::events::publisher::EventPublisher;
use crate::metrics::{Gauge, Timing, count_turn, record_prompt_tokens};
use crate::models::answer_bounds::AnswerBound;
use crate::models::request_metrics::{Purpose, RequestMetrics};
use crate::trace;
use crate::turns::registry::TurnCancellation;

/// The maximum time that a turn waits for the compaction of its conversation.
const COMPACTION_TIMEOUT: Duration = Duration::from_mins(1);

impl TurnTask {
    /// Generates, saves and publishes the answer, up to the end of the turn.
    pub(super) async fn produce_answer(
        &self,
        publisher: &EventPublisher,
        cancellation: TurnCancellation,
    ) {
        let _running = Gauge::Turns.count();
        let draft = Draft::new(&self.answer);
        self.publish_existing_text(publisher);
        let mut request_context = RequestContext {
            context: self.context.clone(),
            ledger: self.context.model.empty_ledger(),
            is_sent: false,
            usage: None,
            is_compacted: false,
        };
        let generation = self.generate(&draft, &mut request_context, publisher, cancellation);
        let result = AssertUnwindSafe(generation).catch_unwind().await;
        let result = result.unwrap_or_else(|panic| Err(Failure::Panic(panic)));
        let answer = self.finish(&draft, &request_context, result, publisher).await;
        publisher.close();
        self.settle(self.used_tokens(&request_context, &answer)).await;
        self.follow_up(&answer, &request_context);
        self.renew_until_published(&answer, publisher).await;
    }

    /// Publishes the text to continue and its reasoning, so that subscribers can build the complete answer from the
    /// chunks.
    fn publish_existing_text(&self, publisher: &EventPublisher) {
        if !self.continues_text() {
            return;
        }
        let turn_id = self.turn_id;
        if let Some(Reasoning { text: chunk, duration_ms, .. }) = self.answer.reasoning.clone() {
            let chunk = ReasoningChunk { chunk, duration_ms, turn_id };
            publisher.publish(EventBody::ReasoningChunk(chunk));
        }
        let chunk = self.answer.content.clone();
        publisher.publish(EventBody::ResponseChunk(ResponseChunk { chunk, turn_id }));
    }

    async fn generate(
        &self,
        draft: &Draft,
        request_context: &mut RequestContext,
        publisher: &EventPublisher,
        cancellation: TurnCancellation,
    ) -> Result<FinishReason, Failure> {
        tokio::select! {
            biased;
            () = cancellation.stop.cancelled() => Ok(FinishReason::Stopped),
            () = cancellation.abort.cancelled() => Ok(FinishReason::Interrupted),
            result = self.stream(draft, request_context, publisher) => result,
            () = sleep(self.core.settings.max_turn_duration) => {
                Err(Failure::TurnTooLong(self.core.settings.max_turn_duration))
            }
            // The conversation was deleted or reset, or the lease is lost.
            () = self.autosave(draft) => Ok(FinishReason::Stopped),
        }
    }

    async fn stream(
        &self,
        draft: &Draft,
        request_context: &mut RequestContext,
        publisher: &EventPublisher,
    ) -> Result<FinishReason, Failure> {
        let plan = self.build_request(request_context).instrument(trace::context_plan());
        let request = plan.await?;
        let mut metrics = RequestMetrics::start(Purpose::Answer);
        let result = self.receive(request, request_context, draft, publisher, &mut metrics).await;
        metrics.end(request_context.usage, result.as_ref().err().map(Failure::code));
        result
    }

    async fn receive(
        &self,
        request: ChatRequest,
        request_context: &mut RequestContext,
        draft: &Draft,
        publisher: &EventPublisher,
        metrics: &mut RequestMetrics,
    ) -> Result<FinishReason, Failure> {
        let mut bound =
            AnswerBound::new(request.answer_limit.tokens()).after(self.answer.content.len());
        request_context.is_sent = true;
        let answer = request_context.context.model.stream(request).await;
        request_context.is_sent = answer.is_ok();
        let mut deltas = answer?;
        let mut finish_reason = FinishReason::Stop;
        let mut categories = Vec::new();
        while let Some(delta) = deltas.next().await {
            let delta = match delta {
                // The model has nothing to add to the text that it was to continue.
                Err(ModelError::EmptyAnswer { is_cut_off: false, .. }) if self.continues_text() => {
                    break;
                }
                delta => delta?,
            };
            if matches!(delta, Delta::Text(_))
                && let Some(waited) = metrics.received_text()
            {
                self.first_text.exclude(waited);
            }
            if matches!(delta, Delta::Text(_) | Delta::Reasoning(_)) && !self.has_lease(draft).await
            {
                return Ok(FinishReason::Stopped);
            }
            match delta {
                Delta::Reasoning(chunk) => self.add_reasoning(&chunk, draft, publisher),
                Delta::Text(chunk) => {
                    let is_complete = bound.admits(&chunk);
                    self.add_text(bound.admit(chunk), draft, publisher);
                    if !is_complete {
                        return Err(Failure::AnswerTooLong);
                    }
                }
                Delta::Filtered(filtered_categories) => categories = filtered_categories,
                Delta::Finished(reason) => finish_reason = reason,
                Delta::Usage(usage) => {
                    request_context.usage = Some(usage);
                    usage.reasoning_tokens.inspect(|tokens| draft.report_reasoning_tokens(*tokens));
                    let our_count = request_context.prompt_tokens();
                    record_prompt_tokens(our_count, usage.prompt_tokens);
                }
            }
        }
        if finish_reason == FinishReason::ContentFilter {
            return Err(Failure::Filtered(categories));
        }
        Ok(finish_reason)
    }

    /// Returns the number of tokens that the request has used: as reported by the model, otherwise by our own
    /// count.
    fn used_tokens(&self, request_context: &RequestContext, answer: &Message) -> u64 {
        match request_context.usage {
            Some(usage) => usage.total(),
            None if !request_context.is_sent => 0,
            None => {
                let reasoning_delta = self.reasoning_delta(request_context, answer);
                [
                    request_context.prompt_tokens(),
                    self.token_delta(answer.token_count),
                    reasoning_delta,
                ]
                .map(u64::from)
                .into_iter()
                .sum()
            }
        }
    }

    fn add_text(&self, chunk: String, draft: &Draft, publisher: &EventPublisher) {
        if !chunk.is_empty() {
            draft.push(&chunk);
            let turn_id = self.turn_id;
            publisher.publish(EventBody::ResponseChunk(ResponseChunk { chunk, turn_id }));
        }
    }

    fn add_reasoning(&self, chunk: &str, draft: &Draft, publisher: &EventPublisher) {
        if let Some(AppendedReasoning { chunk, duration_ms }) = draft.push_reasoning(chunk) {
            let chunk = ReasoningChunk { chunk, duration_ms, turn_id: self.turn_id };
            publisher.publish(EventBody::ReasoningChunk(chunk));
        }
    }

    /// Builds the request. Compacts the conversation first if it doesn't fit into the window.
    async fn build_request(
        &self,
        request_context: &mut RequestContext,
    ) -> Result<ChatRequest, ChatError> {
        let mut plan = self.plan(&request_context.context).await?;
        if plan.ledger.left_out_messages > 0 {
            request_context.is_compacted = true;
            let compaction = self.compaction(self.last_message().position);
            let compaction = compaction.run().instrument(trace::compaction());
            let compaction = self.core.lifecycle.spawn_detached(compaction);
            let started_at = Instant::now();
            let result = timeout(COMPACTION_TIMEOUT, compaction).await;
            let waited = started_at.elapsed();
            Timing::CompactionWait.record(waited);
            self.first_text.exclude(waited);
            if result.is_err() {
                tracing::warn!(turn_id = %self.turn_id, "compaction timed out, continuing without it");
            }
            let id = self.conversation.conversation_id;
            let (user_id, model) = (self.caller.user_id, &self.context.model);
            request_context.context = self.core.effective_context_with(user_id, id, model).await?;
            plan = self.plan(&request_context.context).await?;
        }
        request_context.ledger = plan.ledger;
        let effective = &request_context.context;
        let prompt = self.core.system_prompt_of(effective);
        let mut messages = request_messages(prompt, &effective.context, plan);
        if self.continues_text() {
            messages.push(chat_message(ChatRole::User, CONTINUE.to_owned()));
        }
        Ok(ChatRequest {
            messages,
            conversation_id: Some(self.conversation.conversation_id),
            user_id: Some(self.caller.user_id),
            answer_limit: effective.answer_limit(),
            parameters: effective.context.parameters,
            stop: Vec::new(),
        })
    }

    async fn plan(&self, context: &EffectiveContext) -> Result<ContextPlan, ChatError> {
        let id = self.conversation.conversation_id;
        let last_message = self.last_message();
        let before = Some(last_message.position);
        let started_at = Instant::now();
        let mut planner = ContextPlanner::new(self.core.budget(context), last_message)?;
        self.core
            .visit_history(self.caller.user_id, id, before, |message| planner.try_add(message))
            .await?;
        let placeholder_count = u64::from(!self.continues_text());
        let plan =
            planner.finish(self.conversation.message_count.saturating_sub(placeholder_count));
        Timing::ContextPlan.record(started_at.elapsed());
        Ok(plan)
    }

    /// Returns the last message of the history: the question, or the answer to continue. The answer's token
    /// count then includes the instruction to continue it.
    fn last_message(&self) -> Message {
        if !self.continues_text() {
            return self.question.clone();
        }
        let token_count = tokens_to_continue(&self.answer, self.context.model.counter());
        Message { token_count, ..self.answer.clone() }
    }

    /// Saves the answer's final state and publishes the turn's end. Returns the answer.
    async fn finish(
        &self,
        draft: &Draft,
        request_context: &RequestContext,
        result: Result<FinishReason, Failure>,
        publisher: &EventPublisher,
    ) -> Message {
        let describe = |failure: Failure| {
            failure.log_and_describe(Some(self.turn_id), &self.core.turn_failures)
        };
        let (finish_reason, error) = match result {
            Ok(finish_reason) => (finish_reason, None),
            Err(failure) => (failure.finish_reason(), Some(describe(failure))),
        };
        let update = self.final_update(draft, self.end(finish_reason, error)).await;
        let save = self.save_final_with_retry(&update);
        let saved = Timing::AnswerSave.measure(save.instrument(trace::answer_save())).await;
        let (finish_reason, token_count, save_error) = match saved {
            Ok(tokens) => (finish_reason, tokens, None),
            Err(error) => (FinishReason::Failed, 0, Some(describe(Failure::Chat(error.into())))),
        };
        let AnswerUpdate { content, reasoning, error, ended_at, .. } = update;
        trace::record_turn_end(finish_reason, error.as_ref().or(save_error.as_ref()));
        let errors = error.clone().into_iter().chain(save_error);
        let answer = Message {
            content,
            reasoning,
            token_count,
            status: finish_reason.status(),
            error,
            ended_at,
            ..self.answer.clone()
        };
        self.publish_end(publisher, request_context, finish_reason, &answer, errors);
        count_turn(finish_reason);
        answer
    }

    fn publish_end(
        &self,
        publisher: &EventPublisher,
        request_context: &RequestContext,
        finish_reason: FinishReason,
        answer: &Message,
        errors: impl Iterator<Item = Problem>,
    ) {
        let turn_id = self.turn_id;
        for Problem { message, code } in errors {
            publisher.publish(EventBody::Error(TurnFailed { message, code, turn_id }));
        }
        let end = ResponseEnd::new(answer, turn_id, finish_reason);
        publisher.publish(EventBody::ResponseEnd(end));
        let token_delta = self.token_delta(answer.token_count);
        let reasoning_tokens = self.reasoning_delta(request_context, answer);
        let answer_tokens = token_delta.saturating_add(reasoning_tokens);
        let total_tokens_used = request_context.prompt_tokens().saturating_add(answer_tokens);
        let ledger = request_context.ledger;
        let reported = request_context.usage.and_then(|usage| usage.cached_tokens);
        let cached_tokens = reported.unwrap_or_default();
        let usage =
            TokenUsage { turn_id, total_tokens_used, cached_tokens, reasoning_tokens, ledger };
        publisher.publish(EventBody::TokenUsage(usage));
    }
}
