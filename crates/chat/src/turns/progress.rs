//! The progress of a turn: its events as they are published, and its result.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};
use webchat_domain::{
    ConversationId, Event, EventBody, FinishReason, Message, MessageAccepted, MessageId, Problem,
    TokenUsage, TurnFailed, TurnId, UserId,
};
use webchat_persistence::{Replay, StoreError};

use super::lease::LEASE;
use super::registry::RunningTurns;
use super::service::Turns;
use super::start_turn_outcome::StartTurnOutcome;
use crate::error::ChatError;
use crate::events::subscription::{Subscription, Update};
use crate::runtime::core::Core;

/// The interval between checks whether a stored turn has been published.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The progress of a turn: its events as they are published, and its result. Dropping it has no effect on the
/// turn.
pub struct TurnProgress {
    core: Arc<Core>,
    running: Arc<RunningTurns>,
    user_id: UserId,
    id: ConversationId,
    accepted: MessageAccepted,
    /// The turn's first event, until it is delivered.
    first_event: Option<Arc<Event>>,
    /// `None` once the turn has no more events.
    subscription: Option<Subscription>,
    outcome: TurnOutcome,
}

/// The result of a turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnResult {
    /// The question.
    pub question: Message,
    /// The answer, which may be incomplete.
    pub answer: Message,
    /// The reason why the answer ended.
    pub finish_reason: FinishReason,
    /// The reason why the answer failed or was filtered, if it did not end normally.
    pub error: Option<TurnFailed>,
    /// The tokens that the turn used. `None` if the log no longer has them.
    pub usage: Option<TokenUsage>,
}

/// The outcome of a turn, as reported by its events so far.
#[derive(Default)]
struct TurnOutcome {
    finish_reason: Option<FinishReason>,
    error: Option<TurnFailed>,
    usage: Option<TokenUsage>,
}

impl Turns {
    /// Subscribes to the turn of a message, even if the message is a duplicate.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`] if the user has no such conversation; a storage error if the store or
    /// the log can't be read.
    pub async fn progress(
        &self,
        user_id: UserId,
        id: ConversationId,
        started: StartTurnOutcome,
    ) -> Result<TurnProgress, ChatError> {
        let (accepted, first_event) = match started {
            StartTurnOutcome::Duplicate(accepted) => (accepted, None),
            StartTurnOutcome::Accepted(event) => match &event.body {
                EventBody::MessageAccepted(accepted) => (accepted.clone(), Some(event)),
                _ => {
                    return Err(StoreError::fault(
                        "the first event of a turn is not message_accepted",
                    )
                    .into());
                }
            },
        };
        self.core.find_conversation(user_id, id).await?;
        let subscription = match &first_event {
            Some(event) => Some(self.subscribe(id, event.seq).await?),
            None => self.subscribe_to_turn(user_id, id, accepted.turn_id).await?,
        };
        Ok(TurnProgress {
            core: Arc::clone(&self.core),
            running: Arc::clone(&self.running),
            user_id,
            id,
            accepted,
            first_event,
            subscription,
            outcome: TurnOutcome::default(),
        })
    }

    /// Subscribes to the events of a running turn, from the first one. Returns `None` if the turn has
    /// ended.
    async fn subscribe_to_turn(
        &self,
        user_id: UserId,
        id: ConversationId,
        turn_id: TurnId,
    ) -> Result<Option<Subscription>, ChatError> {
        loop {
            let checkpoint = self.core.ports.log.checkpoint(id).await?;
            if checkpoint.running_turn == Some(turn_id) {
                return Ok(Some(self.subscribe(id, checkpoint.seq).await?));
            }
            if !is_running(&self.core, &self.running, user_id, id, turn_id).await? {
                return Ok(None);
            }
            // The turn is stored, but its acceptance is not published yet.
            sleep(POLL_INTERVAL).await;
        }
    }

    async fn subscribe(&self, id: ConversationId, after: u64) -> Result<Subscription, StoreError> {
        Subscription::open(Arc::clone(&self.core.ports.log), id, Some(after)).await
    }
}

async fn is_running(
    core: &Core,
    running: &RunningTurns,
    user_id: UserId,
    id: ConversationId,
    turn_id: TurnId,
) -> Result<bool, StoreError> {
    let now = running.clamp_to_lease(id, core.now());
    let running_turn = core.ports.conversations.running_turn(user_id, id, now).await?;
    Ok(running_turn == Some(turn_id))
}

impl TurnProgress {
    /// Returns the event that accepted the turn's message.
    #[must_use]
    pub fn accepted(&self) -> &MessageAccepted {
        &self.accepted
    }

    /// Returns whether the turn has no more events.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.first_event.is_none() && self.subscription.is_none()
    }

    /// Waits for the conversation's next update. Returns `None` after the turn's last event, or immediately if the
    /// turn had already ended before the call to [`Turns::progress`].
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe.
    pub async fn next(&mut self) -> Option<Update> {
        if let Some(first_event) = self.first_event.take() {
            return Some(Update::Events(vec![first_event]));
        }
        loop {
            let subscription = self.subscription.as_mut()?;
            let Ok(update) = timeout(LEASE, subscription.next()).await else {
                // The instance that ran the turn may have died before it published the end.
                let turn_id = self.accepted.turn_id;
                let Self { core, running, user_id, id, .. } = &*self;
                let is_running = is_running(core, running, *user_id, *id, turn_id).await;
                if matches!(is_running, Ok(false)) {
                    self.subscription = None;
                }
                continue;
            };
            return Some(self.record_update(update));
        }
    }

    /// Returns the next update without waiting, or `None` if there is none yet.
    ///
    /// # Errors
    /// A storage error if the log can't be read.
    pub async fn next_available(&mut self) -> Result<Option<Update>, ChatError> {
        if let Some(first_event) = self.first_event.take() {
            return Ok(Some(Update::Events(vec![first_event])));
        }
        let Some(subscription) = &mut self.subscription else { return Ok(None) };
        Ok(subscription.next_available().await?.map(|update| self.record_update(update)))
    }

    /// Waits for the turn's end and returns its result.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`] if the conversation was deleted or reset in the meantime.
    pub async fn result(mut self) -> Result<TurnResult, ChatError> {
        while self.next().await.is_some() {}
        if self.outcome.usage.is_none() {
            self.read_outcome().await?;
        }
        let question = self.message(self.accepted.message_id).await?;
        let answer = self.message(self.accepted.answer_id).await?;
        let TurnOutcome { finish_reason, error, usage } = self.outcome;
        let finish_reason =
            finish_reason.unwrap_or_else(|| FinishReason::from_status(answer.status));
        let turn_id = self.accepted.turn_id;
        let error = error.or_else(|| stored_error(&answer, turn_id));
        let error = match finish_reason {
            FinishReason::Failed => error.or_else(|| Some(unknown_error(turn_id))),
            _ => error,
        };
        Ok(TurnResult { question, answer, finish_reason, error, usage })
    }

    /// Records the outcome that the update reports. Drops the events after the turn's last one.
    fn record_update(&mut self, update: Update) -> Update {
        let Update::Events(mut events) = update else { return update };
        if let Some(last) = self.outcome.record(self.accepted.turn_id, &events) {
            events.truncate(last + 1);
            self.subscription = None;
        }
        Update::Events(events)
    }

    /// Reads the turn's outcome from the events that the log still has.
    async fn read_outcome(&mut self) -> Result<(), ChatError> {
        if let Replay::Events(events) = self.core.ports.log.read(self.id, 0).await? {
            self.outcome.record(self.accepted.turn_id, &events);
        }
        Ok(())
    }

    async fn message(&self, message_id: MessageId) -> Result<Message, ChatError> {
        let conversations = &self.core.ports.conversations;
        let found = conversations.message(self.user_id, self.id, message_id).await?;
        found.ok_or(ChatError::ConversationNotFound)
    }
}

impl TurnOutcome {
    /// Records the events of the turn. Returns the index of its last event, if these events include it.
    fn record(&mut self, turn_id: TurnId, events: &[Arc<Event>]) -> Option<usize> {
        for (index, event) in events.iter().enumerate() {
            match &event.body {
                EventBody::Error(error) if error.turn_id == turn_id => {
                    self.error = Some(error.clone());
                }
                EventBody::ResponseEnd(end) if end.turn_id == turn_id => {
                    self.finish_reason = Some(end.finish_reason);
                }
                EventBody::TokenUsage(usage) if usage.turn_id == turn_id => {
                    self.usage = Some(usage.clone());
                    return Some(index);
                }
                _ => {}
            }
        }
        None
    }
}

fn stored_error(answer: &Message, turn_id: TurnId) -> Option<TurnFailed> {
    let Problem { message, code } = answer.error.clone()?;
    Some(TurnFailed { message, code, turn_id })
}

/// Returns the error of a failed turn whose cause is neither in the log nor in the store any more.
fn unknown_error(turn_id: TurnId) -> TurnFailed {
    let message =
        "The model failed to complete the answer. The cause is no longer available.".to_owned();
    TurnFailed { message, code: "model_failed".to_owned(), turn_id }
}

#[cfg(test)]
mod tests;
