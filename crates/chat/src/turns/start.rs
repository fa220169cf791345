//! Starts turns: for sent and edited questions, and for regenerated and continued answers.

use std::sync::{Arc, Mutex};

use tokio::time::Instant;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tracing::Instrument;
use webchat_domain::{
    Caller, ClientMessageId, Conversation, ConversationChange, ConversationId, Event, EventBody,
    EventId, Message, MessageAccepted, MessageStatus, ModelId, NewMessage, Title, TurnId, UserId,
};
use webchat_persistence::{Append, AppendOutcome, ContinueAnswer, NewEvent, StoreError, TurnLease};
use webchat_tokens::{FILLER_TOKENS, MESSAGE_OVERHEAD, REPLY_PRIMER, TokenCounter, with_overhead};

use super::first_text::FirstTextTimer;
use super::lease::LEASE;
use super::run::turn::TurnTask;
use super::service::Turns;
use super::start_turn_outcome::StartTurnOutcome;
use super::turn_source::TurnSource;
use crate::context::prompts::{CONTINUE, tokens_to_continue};
use crate::context::stored_context::EffectiveContext;
use crate::error::ChatError;
use crate::metrics::Timing;
use crate::models::answer_bounds::MAX_ANSWER_BYTES;
use crate::models::registry::Model;
use crate::models::token_budget::TokenReservation;
use crate::runtime::limits::CallerPermit;
use crate::trace;

/// A turn to start.
pub(super) struct TurnStart {
    /// The token that makes shutdown wait for the turn. It is acquired before anything is read.
    pub(super) _admission: TaskTrackerToken,
    pub(super) caller: Caller,
    pub(super) id: ConversationId,
    pub(super) client_message_id: Option<ClientMessageId>,
    pub(super) source: TurnSource,
    /// The model that answers, instead of that of the conversation.
    pub(super) model: Option<ModelId>,
}

/// The change to store when a turn starts.
enum Change {
    Append(Append),
    Continue(ContinueAnswer),
}

/// A turn that is stored but not published yet.
struct StoredTurn {
    conversation: Conversation,
    question: Message,
    answer: Message,
    context: EffectiveContext,
    accepted: MessageAccepted,
    permit: CallerPermit,
    reservation: TokenReservation,
    /// The sequence number of the newest event before the turn was stored.
    latest: u64,
    started_at: Instant,
}

impl Turns {
    /// Stores the turn's messages, publishes their acceptance and runs the turn.
    ///
    /// This runs in a detached task: a stored question must get its turn even if the caller drops the
    /// future. Shutdown waits for the task.
    pub(super) async fn start(&self, start: TurnStart) -> Result<StartTurnOutcome, ChatError> {
        let turns = self.clone();
        let span = trace::turn(start.id);
        let task =
            async move { turns.start_detached(start).await.inspect_err(trace::record_rejection) };
        let task = self.core.lifecycle.spawn_detached(task.instrument(span));
        task.await.map_err(StoreError::fault)?
    }

    async fn start_detached(&self, start: TurnStart) -> Result<StartTurnOutcome, ChatError> {
        let started_at = Instant::now();
        let (user_id, id) = (start.caller.user_id, start.id);
        let permit = self.running.acquire_permit(start.caller, &self.core.settings)?;
        let effective_context = self.core.effective_context(user_id, id);
        // Checks that the log is available, because a question that can't be published must not be stored.
        let checkpoint = async { Ok(self.core.ports.log.checkpoint(id).await?) };
        let (mut context, checkpoint) = tokio::try_join!(effective_context, checkpoint)?;
        let chosen = start.model.as_ref().or(context.context.model.as_ref());
        context.model = self.core.model_for(user_id, chosen).await?;
        if checkpoint.running_turn.is_some() {
            // If that turn is abandoned, its end must be published before the new turn's acceptance.
            self.recover_abandoned_turns().await?;
        }
        let latest = checkpoint.latest;
        let change = self.build_change(&start, &context).await?;
        let reservation = self.reserve_tokens(&start, &context, &change).await?;
        match self.store(user_id, id, change).await {
            Ok(AppendOutcome::Stored { conversation, messages }) => {
                let existing = start.source.existing_question();
                let messages = existing.cloned().into_iter().chain(messages).collect();
                let (question, answer) = question_and_answer(messages)?;
                let client_message_id = start.client_message_id.clone();
                let accepted = message_accepted(client_message_id, &question, &answer)?;
                let context = self.context_for_turn(&start, context).await?;
                let stored = StoredTurn {
                    conversation,
                    question,
                    answer,
                    context,
                    accepted,
                    permit,
                    reservation,
                    latest,
                    started_at,
                };
                self.publish_and_run(&start, stored).await
            }
            not_stored => {
                self.core.settle_tokens(reservation, 0).await;
                start.result_without_turn(not_stored?)
            }
        }
    }

    /// Reserves the maximum number of tokens that the request may have. The actual number is known only when the
    /// messages are selected, and is never higher.
    async fn reserve_tokens(
        &self,
        start: &TurnStart,
        context: &EffectiveContext,
        change: &Change,
    ) -> Result<TokenReservation, ChatError> {
        if !self.core.settings.daily_tokens.is_limited() {
            return self.core.reserve_tokens(start.caller, 0).await;
        }
        let conversation = self.core.find_conversation(start.caller.user_id, start.id).await?;
        let overhead = conversation.message_count.saturating_mul(MESSAGE_OVERHEAD.into());
        let history = conversation.total_tokens.saturating_add(overhead);
        let history = u32::try_from(history).unwrap_or(u32::MAX);
        let counter = self.core.loaded_counter(&context.model).await;
        let history = history.saturating_add(change.token_delta(counter));
        let available = self.core.budget(context).available();
        let fixed = context.model.window_tokens.saturating_sub(available);
        let tokens = fixed.saturating_add(history.min(available));
        self.core.reserve_tokens(start.caller, tokens).await
    }

    /// Builds the change to store. Fails if the message doesn't fit into the model's window.
    async fn build_change(
        &self,
        start: &TurnStart,
        context: &EffectiveContext,
    ) -> Result<Change, ChatError> {
        let client_message_id = start.client_message_id.clone();
        let budget = self.core.budget(context);
        Ok(match &start.source {
            TurnSource::Question { content, expected_position, version_of } => {
                budget.may_fit(content.len())?;
                let (user_id, model) = (start.caller.user_id, &context.model);
                let token_count = self.core.count_tokens_for(user_id, model, content).await?;
                budget.fits(token_count)?;
                Change::Append(Append {
                    client_message_id,
                    expected_position: *expected_position,
                    version_of: *version_of,
                    title: Title::from_first_words(content),
                    ..self.question_with_placeholder(content.clone(), token_count, model)
                })
            }
            TurnSource::Regeneration { answer_id, .. } => {
                let lease = self.new_lease();
                Change::Append(Append {
                    messages: vec![self.placeholder_answer(lease, &context.model)],
                    version_of: Some(*answer_id),
                    client_message_id,
                    turn: Some(lease),
                    ..Append::default()
                })
            }
            TurnSource::Continuation { answer, .. } => {
                if answer.content.len() >= MAX_ANSWER_BYTES {
                    return Err(ChatError::NothingToContinue);
                }
                if !answer.is_blank_answer() {
                    let counter = self.core.loaded_counter(&context.model).await;
                    let tokens = tokens_to_continue(answer, counter);
                    let fits = budget.fits(tokens.saturating_add(FILLER_TOKENS));
                    fits.map_err(|_| ChatError::NothingToContinue)?;
                }
                let (message_id, turn) = (answer.message_id, self.new_lease());
                let model = Some(context.model.id.clone());
                Change::Continue(ContinueAnswer { message_id, client_message_id, turn, model })
            }
        })
    }

    async fn store(
        &self,
        user_id: UserId,
        id: ConversationId,
        change: Change,
    ) -> Result<AppendOutcome, StoreError> {
        let conversations = &self.core.ports.conversations;
        let now = self.running.clamp_to_lease(id, self.core.now());
        match change {
            Change::Append(append) => conversations.append(user_id, id, append, now).await,
            Change::Continue(continuation) => {
                conversations.continue_answer(user_id, id, continuation, now).await
            }
        }
    }

    /// Returns the context that the turn uses. Branching and continuing may have removed the summary, so the
    /// context is then read again.
    async fn context_for_turn(
        &self,
        start: &TurnStart,
        effective: EffectiveContext,
    ) -> Result<EffectiveContext, ChatError> {
        if effective.context.summary.is_none() || start.source.is_new_question() {
            return Ok(effective);
        }
        let (user_id, model) = (start.caller.user_id, &effective.model);
        self.core.effective_context_with(user_id, start.id, model).await
    }

    /// Returns the lease of a turn that starts now.
    fn new_lease(&self) -> TurnLease {
        let lease_until = self.core.now().plus(LEASE);
        TurnLease { turn_id: TurnId::generate(), lease_until }
    }

    /// Returns the turn's empty answer. Its status is `interrupted`, which remains correct if the turn never saves
    /// anything.
    fn placeholder_answer(&self, lease: TurnLease, model: &Model) -> NewMessage {
        let answer = NewMessage::answer(String::new(), 0, self.core.now()).in_turn(lease.turn_id);
        let (status, model) = (MessageStatus::Interrupted, Some(model.id.clone()));
        NewMessage { status, model, ..answer }
    }

    fn question_with_placeholder(
        &self,
        content: String,
        token_count: u32,
        model: &Model,
    ) -> Append {
        let lease = self.new_lease();
        let answer = self.placeholder_answer(lease, model);
        let question = NewMessage::question(content, token_count, answer.created_at);
        let question = question.in_turn(lease.turn_id);
        Append { messages: vec![question, answer], turn: Some(lease), ..Append::default() }
    }

    async fn publish_and_run(
        &self,
        start: &TurnStart,
        stored: StoredTurn,
    ) -> Result<StartTurnOutcome, ChatError> {
        let (user_id, id) = (start.caller.user_id, start.id);
        let StoredTurn {
            conversation,
            question,
            answer,
            context,
            accepted,
            permit,
            reservation,
            latest,
            started_at,
        } = stored;
        let turn_id = accepted.turn_id;
        trace::record_turn_id(turn_id);
        let is_first_question = start.source.is_new_question() && question.parent_id.is_none();
        let title = conversation.title.clone().filter(|_| is_first_question);
        let turn = TurnTask {
            core: Arc::clone(&self.core),
            running: Arc::clone(&self.running),
            liveness: Arc::clone(&self.liveness),
            caller: start.caller,
            conversation,
            turn_id,
            question,
            answer,
            context,
            _permit: permit,
            reservation: Mutex::new(Some(reservation)),
            first_text: FirstTextTimer::start(started_at),
        };
        // Register the turn before it is published: from then on, clients can stop it.
        let aborting = self.core.lifecycle.aborting();
        let lease = TurnLease { turn_id, ..self.new_lease() };
        let cancellation = self.running.register(user_id, id, lease, aborting);
        let event = match self.publish_accepted(start, accepted, title, latest).await {
            Ok(event) => event,
            Err(error) => {
                self.running.remove(id, turn_id);
                self.core.lifecycle.spawn_detached(turn.fail_unpublished());
                return Err(error);
            }
        };
        Timing::TurnAccept.record(started_at.elapsed());
        // If traces are on, the task runs in the span of the turn.
        let run = turn.run(cancellation, event.seq);
        self.core.lifecycle.spawn_detached(run.in_current_span());
        self.core.notify_list(user_id, Some(id)).await;
        Ok(StartTurnOutcome::Accepted(event))
    }

    /// Publishes the events with which the turn begins, after the event `latest`. Returns `message_accepted`.
    async fn publish_accepted(
        &self,
        start: &TurnStart,
        accepted: MessageAccepted,
        first_title: Option<Title>,
        latest: u64,
    ) -> Result<Arc<Event>, ChatError> {
        let branch = start.source.is_branch().then_some(ConversationChange::Branch);
        let title = first_title.map(|title| ConversationChange::Title { title });
        let change = |change: Option<_>| change.map(EventBody::ConversationUpdated);
        let bodies = [change(branch), Some(EventBody::MessageAccepted(accepted)), change(title)];
        let new_event =
            |body| NewEvent { event_id: EventId::generate(), duplicates_after: latest, body };
        let events = bodies.into_iter().flatten().map(new_event).collect();
        let published = self.core.ports.log.append(start.id, events).await?;
        let is_acceptance =
            |event: &Arc<Event>| matches!(event.body, EventBody::MessageAccepted(_));
        let accepted = published.into_iter().find(is_acceptance);
        Ok(accepted.ok_or_else(|| StoreError::fault("the acceptance was not published"))?)
    }
}

impl TurnStart {
    /// Returns the caller's result if no turn was stored.
    fn result_without_turn(&self, outcome: AppendOutcome) -> Result<StartTurnOutcome, ChatError> {
        match outcome {
            AppendOutcome::Duplicate(messages) => {
                let (question, answer) = question_and_answer(messages)?;
                self.source.check_duplicate(&question)?;
                let client_message_id = self.client_message_id.clone();
                let accepted = message_accepted(client_message_id, &question, &answer)?;
                Ok(StartTurnOutcome::Duplicate(accepted))
            }
            AppendOutcome::Conflict { position } => Err(self.source.conflict_error(position)),
            AppendOutcome::TurnInProgress => Err(ChatError::TurnInProgress),
            AppendOutcome::NotFound | AppendOutcome::Stored { .. } => {
                Err(ChatError::ConversationNotFound)
            }
        }
    }
}

impl Change {
    /// Returns the number of tokens that the request adds to those of the conversation.
    fn token_delta(&self, counter: TokenCounter) -> u32 {
        let messages = match self {
            Self::Append(append) => append.messages.as_slice(),
            Self::Continue(_) => &[],
        };
        let tokens = messages.iter().map(|message| with_overhead(message.token_count));
        let instruction = with_overhead(counter.count(CONTINUE));
        tokens.fold(instruction, u32::saturating_add).saturating_add(REPLY_PRIMER)
    }
}

fn question_and_answer(messages: Vec<Message>) -> Result<(Message, Message), ChatError> {
    let [question, answer] = <[Message; 2]>::try_from(messages)
        .map_err(|_| StoreError::fault("a turn doesn't consist of a question and an answer"))?;
    Ok((question, answer))
}

pub(super) fn message_accepted(
    client_message_id: Option<ClientMessageId>,
    question: &Message,
    answer: &Message,
) -> Result<MessageAccepted, ChatError> {
    let turn_id = answer.turn_id.ok_or_else(|| StoreError::fault("an answer has no turn"))?;
    Ok(MessageAccepted::new(question, answer, turn_id, client_message_id))
}
