use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use tokio::time::{sleep, timeout};
use webchat_domain::{
    Context, Conversation, EventBody, FinishReason, Ledger, Message, MessageStatus, Problem,
    ResponseChunk, ResponseEnd, Title, TokenUsage, TurnFailed, TurnId, UserId,
};
use webchat_llm::{ChatRequest, ChatRole, Delta, ModelError, filtered_answer};
use webchat_persistence::{AnswerUpdate, StoreError};
use webchat_tokens::{ContextPlanner, Plan, with_overhead};

use crate::compaction::Compaction;
use crate::core::Core;
use crate::draft::Draft;
use crate::fault::{cause, panic_message};
use crate::prompts::CONTINUE;
use crate::publisher::EventPublisher;
use crate::turns::{LEASE, TurnCancellation};
use crate::{ChatError, Permit, measured, prompts};

/// How often what there is of an answer is kept, and the hold on the conversation renewed.
const SAVED_EVERY: Duration = Duration::from_secs(2);

/// How often the end of an answer is tried to be kept, at growing intervals from this one.
const LAST_SAVE_TRIES: u32 = 6;
const LAST_SAVE_INTERVAL: Duration = Duration::from_millis(200);

/// How long a turn waits for its conversation to be summarised.
const COMPACTED_WITHIN: Duration = Duration::from_mins(1);

/// One question and the making of its answer.
pub(crate) struct Turn {
    pub(crate) core: Arc<Core>,
    pub(crate) user_id: UserId,
    pub(crate) conversation: Conversation,
    pub(crate) id: TurnId,
    pub(crate) question: Message,
    /// What there is of it already, when the turn goes on with one.
    pub(crate) answer: Message,
    /// The title that was made of the question, if it is the conversation's first.
    pub(crate) first_title: Option<Title>,
    /// Given back when the turn has ended.
    pub(crate) _place: Permit,
}

/// Why an answer ended without the model's saying so.
enum Failure {
    Model(ModelError),
    Chat(ChatError),
    /// The model's provider held back (the rest of) the answer: for what.
    Filtered(Vec<String>),
    Panic(Box<dyn Any + Send>),
}

impl Turn {
    /// Makes the answer, keeps it and tells it; on every path the turn ends.
    pub(crate) async fn run(self, interrupts: TurnCancellation) {
        let id = self.conversation.conversation_id;
        let publisher = EventPublisher::new(Arc::clone(&self.core.ports.log), id);
        let give_up = interrupts.interrupt.clone();
        let ((), is_told) =
            tokio::join!(self.answer(&publisher, interrupts), publisher.run(&give_up));
        self.core.running.end(id, self.id);
        // Otherwise another instance tells it.
        if is_told && let Err(error) = self.core.ports.conversations.end_turn(id, self.id).await {
            tracing::warn!(turn_id = %self.id, error = cause(&error), "a turn is not forgotten");
        }
        self.core.notify_list(self.user_id, Some(id)).await;
    }

    async fn answer(&self, publisher: &EventPublisher, interrupts: TurnCancellation) {
        measured::turn_began();
        let draft = Draft::of(&self.answer.content);
        self.tell_what_there_is(publisher);
        let mut ledger = self.core.empty_ledger();
        let making = self.make(&draft, &mut ledger, publisher, interrupts);
        let made = AssertUnwindSafe(making).catch_unwind().await;
        let ended = made.unwrap_or_else(|panic| Err(Failure::Panic(panic)));
        let answer = self.end(&draft, ledger, ended, publisher).await;
        publisher.close();
        tokio::join!(
            self.keep_until_told(&answer, publisher),
            self.follow_up(answer.clone(), ledger)
        );
    }

    /// While the log is away: others take a turn for one of a dead instance whose end nobody tells.
    async fn keep_until_told(&self, answer: &Message, publisher: &EventPublisher) {
        while timeout(SAVED_EVERY, publisher.finished()).await.is_err() {
            let update = AnswerUpdate {
                message_id: answer.message_id,
                turn_id: self.id,
                content: answer.content.clone(),
                token_count: answer.token_count,
                status: answer.status,
                error: answer.error.clone(),
                lease_until: None,
            };
            if let Err(error) = self.save(update).await {
                tracing::warn!(turn_id = %self.id, error = cause(&error), "not told yet, nor kept");
            }
        }
    }

    /// Ends a turn of which nobody was told, so that its conversation takes the next message.
    pub(crate) async fn give_up(self) {
        let draft = Draft::of(&self.answer.content);
        if let Err(error) = self.save_at_last(&draft, FinishReason::Failed, None).await {
            tracing::warn!(turn_id = %self.id, error = cause(&error), "a turn was not ended");
        }
    }

    fn continues(&self) -> bool {
        !self.answer.content.is_empty()
    }

    /// So that whoever follows builds the whole answer.
    fn tell_what_there_is(&self, publisher: &EventPublisher) {
        if self.continues() {
            let chunk = self.answer.content.clone();
            publisher.tell(EventBody::ResponseChunk(ResponseChunk { chunk, turn_id: self.id }));
        }
    }

    async fn make(
        &self,
        draft: &Draft,
        ledger: &mut Ledger,
        publisher: &EventPublisher,
        interrupts: TurnCancellation,
    ) -> Result<FinishReason, Failure> {
        tokio::select! {
            biased;
            () = interrupts.stop.cancelled() => Ok(FinishReason::Stopped),
            () = interrupts.interrupt.cancelled() => Ok(FinishReason::Interrupted),
            ended = self.relay(draft, ledger, publisher) => ended,
            () = self.keep_saving(draft) => Ok(FinishReason::Stopped),
        }
    }

    async fn relay(
        &self,
        draft: &Draft,
        ledger: &mut Ledger,
        publisher: &EventPublisher,
    ) -> Result<FinishReason, Failure> {
        let request = self.request(ledger).await?;
        let mut deltas = self.core.ports.model.stream(request).await?;
        let mut finish = FinishReason::Stop;
        let mut filtered_for = Vec::new();
        while let Some(delta) = deltas.next().await {
            match delta? {
                Delta::Text(chunk) => {
                    draft.push(&chunk);
                    let turn_id = self.id;
                    publisher.tell(EventBody::ResponseChunk(ResponseChunk { chunk, turn_id }));
                }
                Delta::Filtered(categories) => filtered_for = categories,
                Delta::Finished(reason) => finish = reason,
                Delta::Usage(usage) => {
                    let counted = ledger.total.saturating_sub(ledger.reserved);
                    measured::prompt_counted(counted, usage.prompt_tokens);
                }
            }
        }
        if finish == FinishReason::ContentFilter {
            return Err(Failure::Filtered(filtered_for));
        }
        Ok(finish)
    }

    /// What goes to the model. Where not all of the conversation fits, it is summarised first.
    async fn request(&self, ledger: &mut Ledger) -> Result<ChatRequest, ChatError> {
        let mut context = self.context().await?;
        let mut plan = self.plan(&context).await?;
        if plan.ledger.left_out_messages > 0 {
            let compacting = self.core.running.spawn(self.compaction(self.last().position).run());
            if timeout(COMPACTED_WITHIN, compacting).await.is_err() {
                tracing::warn!(turn_id = %self.id, "summarising takes long: it goes on meanwhile");
            }
            context = self.context().await?;
            plan = self.plan(&context).await?;
        }
        *ledger = plan.ledger;
        let system = self.core.system_prompt.as_ref();
        let mut messages = prompts::messages(system, &context, plan);
        if self.continues() {
            messages.push(prompts::said(ChatRole::User, CONTINUE.to_owned()));
        }
        Ok(ChatRequest {
            messages,
            max_reply_tokens: self.core.settings.reply_tokens,
            parameters: context.parameters,
        })
    }

    async fn plan(&self, context: &Context) -> Result<Plan, ChatError> {
        let id = self.conversation.conversation_id;
        let last = self.last();
        let before = Some(last.position);
        let mut planner = ContextPlanner::new(self.core.budget(context), last)?;
        self.core
            .offer_history(self.user_id, id, before, |message| planner.try_add(message))
            .await?;
        let not_sent = u64::from(!self.continues());
        Ok(planner.finish(self.conversation.message_count.saturating_sub(not_sent)))
    }

    /// The last message that goes to the model: the question, or the answer to go on with, counted
    /// with the instruction to do so.
    fn last(&self) -> Message {
        if !self.continues() {
            return self.question.clone();
        }
        let token_count = self.core.tokens_to_continue(&self.answer);
        Message { token_count, ..self.answer.clone() }
    }

    async fn context(&self) -> Result<Context, ChatError> {
        let id = self.conversation.conversation_id;
        Ok(self.core.stored_context(self.user_id, id).await?.context)
    }

    fn compaction(&self, before: u64) -> Compaction {
        let id = self.conversation.conversation_id;
        Compaction { core: Arc::clone(&self.core), user_id: self.user_id, id, before }
    }

    /// What is done after an answer, in the background: a title for the conversation, and a summary
    /// before it is needed.
    async fn follow_up(&self, answer: Message, ledger: Ledger) {
        let Self { core, user_id, question, .. } = self;
        let id = self.conversation.conversation_id;
        let history = ledger.history.saturating_add(with_overhead(self.added(answer.token_count)));
        match self.context().await {
            Ok(context) if core.budget(&context).needs_compaction(history) => {
                // An answer that may go on must not be part of a summary yet.
                let is_complete = answer.status == MessageStatus::Complete;
                let before = answer.position + u64::from(is_complete);
                core.running.spawn(self.compaction(before).run());
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(conversation_id = %id, error = cause(&error), "no follow-up");
            }
        }
        let is_exchange =
            matches!(answer.status, MessageStatus::Complete | MessageStatus::Truncated);
        if let Some(first_words) = self.first_title.clone()
            && is_exchange
            && core.settings.auto_titles
        {
            let exchange = [question.clone(), answer];
            core.running.spawn(Arc::clone(core).entitle(*user_id, id, first_words, exchange));
        }
    }

    /// Returns when the turn has lost its conversation: it was deleted or emptied.
    async fn keep_saving(&self, draft: &Draft) {
        loop {
            tokio::select! {
                () = sleep(SAVED_EVERY) => {}
                () = draft.has_grown() => {}
            }
            match self.save_part(draft).await {
                Ok(Some(_)) => {}
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(turn_id = %self.id, error = cause(&error), "answer not kept yet");
                }
            }
        }
    }

    /// The answer as it is now.
    async fn end(
        &self,
        draft: &Draft,
        ledger: Ledger,
        ended: Result<FinishReason, Failure>,
        publisher: &EventPublisher,
    ) -> Message {
        let (finish_reason, error) = match ended {
            Ok(finish_reason) => (finish_reason, None),
            Err(failure) => (failure.finish_reason(), Some(self.describe(&failure))),
        };
        let saved = self.save_at_last(draft, finish_reason, error.as_ref()).await;
        let (finish_reason, token_count, not_saved) = match saved {
            Ok(tokens) => (finish_reason, tokens, None),
            Err(error) => {
                (FinishReason::Failed, 0, Some(self.describe(&Failure::Chat(error.into()))))
            }
        };
        let turn_id = self.id;
        for Problem { message, code } in error.clone().into_iter().chain(not_saved) {
            publisher.tell(EventBody::Error(TurnFailed { message, code, turn_id }));
        }
        publisher.tell(EventBody::ResponseEnd(ResponseEnd {
            message_id: self.answer.message_id,
            turn_id,
            position: self.answer.position,
            finish_reason,
            status: finish_reason.status(),
            token_count,
        }));
        let sent = ledger.total.saturating_sub(ledger.reserved);
        let total_tokens_used = sent.saturating_add(self.added(token_count));
        publisher.tell(EventBody::TokenUsage(TokenUsage { turn_id, total_tokens_used, ledger }));
        measured::turn_ended(finish_reason);
        Message {
            content: draft.to_save(),
            token_count,
            status: finish_reason.status(),
            error,
            ..self.answer.clone()
        }
    }

    /// The answer's tokens; 0 when it has no place any more.
    async fn save_at_last(
        &self,
        draft: &Draft,
        finish: FinishReason,
        error: Option<&Problem>,
    ) -> Result<u32, StoreError> {
        let mut interval = LAST_SAVE_INTERVAL;
        for _ in 1..LAST_SAVE_TRIES {
            match self.save_end(draft, finish, error).await {
                Ok(tokens) => return Ok(tokens.unwrap_or(0)),
                Err(error) => {
                    tracing::warn!(turn_id = %self.id, error = cause(&error), "answer not kept yet");
                }
            }
            sleep(interval).await;
            interval *= 2;
        }
        Ok(self.save_end(draft, finish, error).await?.unwrap_or(0))
    }

    async fn save_part(&self, draft: &Draft) -> Result<Option<u32>, StoreError> {
        let part = self.answer_update(draft, FinishReason::Interrupted).await;
        let lease_until = Some(self.core.ports.clock.now().plus(LEASE));
        self.save(AnswerUpdate { lease_until, ..part }).await
    }

    async fn save_end(
        &self,
        draft: &Draft,
        finish: FinishReason,
        error: Option<&Problem>,
    ) -> Result<Option<u32>, StoreError> {
        let end = self.answer_update(draft, finish).await;
        self.save(AnswerUpdate { error: error.cloned(), ..end }).await
    }

    /// What there is of the answer, as the turn's end.
    async fn answer_update(&self, draft: &Draft, finish: FinishReason) -> AnswerUpdate {
        let content = draft.to_save();
        AnswerUpdate {
            message_id: self.answer.message_id,
            turn_id: self.id,
            token_count: self.core.count_tokens(&content).await,
            content,
            status: finish.status(),
            error: None,
            lease_until: None,
        }
    }

    /// The answer's tokens so far; `None` when it has no place any more.
    async fn save(&self, answer: AnswerUpdate) -> Result<Option<u32>, StoreError> {
        let token_count = answer.token_count;
        let now = self.core.ports.clock.now();
        let id = self.conversation.conversation_id;
        let kept = self.core.ports.conversations.save_answer(id, answer, now).await?;
        Ok(kept.then_some(token_count))
    }

    /// What of the answer's tokens was not there before.
    fn added(&self, token_count: u32) -> u32 {
        token_count.saturating_sub(self.answer.token_count)
    }

    /// What clients are told; the cause goes to the log.
    fn describe(&self, failure: &Failure) -> Problem {
        let (code, message, cause) = match failure {
            Failure::Model(error) => (error.code(), error.to_string(), cause(error)),
            Failure::Chat(error) => (error.code(), error.to_string(), cause(error)),
            Failure::Filtered(categories) => {
                ("model_content_filter", filtered_answer(categories), categories.join(", "))
            }
            Failure::Panic(panic) => (
                "internal",
                "Something went wrong on the server.".to_owned(),
                panic_message(panic.as_ref()),
            ),
        };
        tracing::warn!(turn_id = %self.id, code, cause, "a turn failed");
        Problem { message, code: code.to_owned() }
    }
}

impl Failure {
    fn finish_reason(&self) -> FinishReason {
        match self {
            Self::Filtered(_) => FinishReason::ContentFilter,
            Self::Model(_) | Self::Chat(_) | Self::Panic(_) => FinishReason::Failed,
        }
    }
}

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Self {
        Self::Model(error)
    }
}

impl From<ChatError> for Failure {
    fn from(error: ChatError) -> Self {
        Self::Chat(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Chat(error.into())
    }
}

#[cfg(test)]
mod tests;
