//! Requests the answer from the model, publishes it, and ends the turn.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use tokio::time::timeout;
use webchat_domain::{
    Context, EventBody, FinishReason, Message, Problem, ResponseChunk, ResponseEnd, TokenUsage,
    TurnFailed,
};
use webchat_llm::{ChatRequest, ChatRole, Delta};
use webchat_tokens::{ContextPlanner, Plan};

use super::draft::Draft;
use super::failure::Failure;
use super::metrics;
use super::turn::{SentRequest, Turn};
use crate::context::prompts::{CONTINUE, chat_message, request_messages, tokens_to_continue};
use crate::error::ChatError;
use crate::events::publisher::EventPublisher;
use crate::turns::registry::TurnCancellation;

/// How long a turn waits for the compaction of its conversation.
const COMPACTION_TIMEOUT: Duration = Duration::from_mins(1);

impl Turn {
    pub(super) async fn answer(&self, publisher: &EventPublisher, cancellation: TurnCancellation) {
        metrics::turn_started();
        let draft = Draft::new(&self.answer.content);
        self.publish_existing_text(publisher);
        let mut sent = SentRequest {
            context: self.context.clone(),
            ledger: self.core.settings.empty_ledger(),
        };
        let generating = self.generate(&draft, &mut sent, publisher, cancellation);
        let generated = AssertUnwindSafe(generating).catch_unwind().await;
        let ended = generated.unwrap_or_else(|panic| Err(Failure::Panic(panic)));
        let answer = self.finish(&draft, &sent, ended, publisher).await;
        publisher.close();
        self.follow_up(&answer, &sent);
        self.renew_until_published(&answer, publisher).await;
    }

    /// Publishes the text to continue, so that subscribers can build the complete answer from the chunks.
    fn publish_existing_text(&self, publisher: &EventPublisher) {
        if self.continues() {
            let chunk = self.answer.content.clone();
            publisher.publish(EventBody::ResponseChunk(ResponseChunk { chunk, turn_id: self.id }));
        }
    }

    async fn generate(
        &self,
        draft: &Draft,
        sent: &mut SentRequest,
        publisher: &EventPublisher,
        cancellation: TurnCancellation,
    ) -> Result<FinishReason, Failure> {
        tokio::select! {
            biased;
            () = cancellation.stop.cancelled() => Ok(FinishReason::Stopped),
            () = cancellation.abort.cancelled() => Ok(FinishReason::Interrupted),
            ended = self.stream(draft, sent, publisher) => ended,
            () = self.autosave(draft) => Ok(FinishReason::Stopped),
        }
    }

    async fn stream(
        &self,
        draft: &Draft,
        sent: &mut SentRequest,
        publisher: &EventPublisher,
    ) -> Result<FinishReason, Failure> {
        let request = self.request(sent).await?;
        let mut deltas = self.core.ports.model.stream(request).await?;
        let mut finish = FinishReason::Stop;
        let mut categories = Vec::new();
        while let Some(delta) = deltas.next().await {
            match delta? {
                Delta::Text(chunk) => {
                    draft.push(&chunk);
                    let turn_id = self.id;
                    publisher.publish(EventBody::ResponseChunk(ResponseChunk { chunk, turn_id }));
                }
                Delta::Filtered(filtered) => categories = filtered,
                Delta::Finished(reason) => finish = reason,
                Delta::Usage(usage) => {
                    let counted = sent.ledger.total.saturating_sub(sent.ledger.reserved);
                    metrics::prompt_counted(counted, usage.prompt_tokens);
                }
            }
        }
        if finish == FinishReason::ContentFilter {
            return Err(Failure::Filtered(categories));
        }
        Ok(finish)
    }

    /// Builds the request. Compacts the conversation first if it doesn't fit into the window.
    async fn request(&self, sent: &mut SentRequest) -> Result<ChatRequest, ChatError> {
        let mut plan = self.plan(&sent.context).await?;
        if plan.ledger.left_out_messages > 0 {
            let compacting =
                self.core.lifecycle.spawn_detached(self.compaction(self.last().position).run());
            if timeout(COMPACTION_TIMEOUT, compacting).await.is_err() {
                tracing::warn!(turn_id = %self.id, "compaction timed out, continuing without waiting for it");
            }
            let id = self.conversation.conversation_id;
            sent.context = self.core.stored_context(self.user_id, id).await?.context;
            plan = self.plan(&sent.context).await?;
        }
        sent.ledger = plan.ledger;
        let system = self.core.system_prompt.as_ref();
        let mut messages = request_messages(system, &sent.context, plan);
        if self.continues() {
            messages.push(chat_message(ChatRole::User, CONTINUE.to_owned()));
        }
        Ok(ChatRequest {
            messages,
            max_reply_tokens: self.core.settings.reply_tokens,
            parameters: sent.context.parameters,
        })
    }

    async fn plan(&self, context: &Context) -> Result<Plan, ChatError> {
        let id = self.conversation.conversation_id;
        let last = self.last();
        let before = Some(last.position);
        let mut planner = ContextPlanner::new(self.core.budget(context), last)?;
        self.core
            .visit_history(self.user_id, id, before, |message| planner.try_add(message))
            .await?;
        let placeholders = u64::from(!self.continues());
        Ok(planner.finish(self.conversation.message_count.saturating_sub(placeholders)))
    }

    /// Returns the last message of the history that goes to the model: the question, or the answer to
    /// continue, whose token count then includes the instruction to continue it.
    fn last(&self) -> Message {
        if !self.continues() {
            return self.question.clone();
        }
        let token_count = tokens_to_continue(&self.answer, self.core.counter());
        Message { token_count, ..self.answer.clone() }
    }

    /// Saves the answer's final state and publishes the turn's end. Returns the answer.
    async fn finish(
        &self,
        draft: &Draft,
        sent: &SentRequest,
        ended: Result<FinishReason, Failure>,
        publisher: &EventPublisher,
    ) -> Message {
        let (finish_reason, error) = match ended {
            Ok(finish_reason) => (finish_reason, None),
            Err(failure) => (failure.finish_reason(), Some(failure.log_and_describe(self.id))),
        };
        let saved = self.save_final_with_retry(draft, finish_reason, error.as_ref()).await;
        let (finish_reason, token_count, save_error) = match saved {
            Ok(tokens) => (finish_reason, tokens, None),
            Err(error) => {
                let failure = Failure::Chat(error.into());
                (FinishReason::Failed, 0, Some(failure.log_and_describe(self.id)))
            }
        };
        let errors = error.clone().into_iter().chain(save_error);
        self.publish_end(publisher, sent, finish_reason, token_count, errors);
        metrics::turn_ended(finish_reason);
        Message {
            content: draft.snapshot(),
            token_count,
            status: finish_reason.status(),
            error,
            ..self.answer.clone()
        }
    }

    fn publish_end(
        &self,
        publisher: &EventPublisher,
        sent: &SentRequest,
        finish_reason: FinishReason,
        token_count: u32,
        errors: impl Iterator<Item = Problem>,
    ) {
        let (turn_id, ledger) = (self.id, sent.ledger);
        for Problem { message, code } in errors {
            publisher.publish(EventBody::Error(TurnFailed { message, code, turn_id }));
        }
        publisher.publish(EventBody::ResponseEnd(ResponseEnd {
            message_id: self.answer.message_id,
            turn_id,
            position: self.answer.position,
            finish_reason,
            status: finish_reason.status(),
            token_count,
        }));
        let prompt_tokens = ledger.total.saturating_sub(ledger.reserved);
        let total_tokens_used = prompt_tokens.saturating_add(self.added_tokens(token_count));
        publisher.publish(EventBody::TokenUsage(TokenUsage { turn_id, total_tokens_used, ledger }));
    }
}
