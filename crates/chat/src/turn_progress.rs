use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};
use webchat_domain::{
    ConversationId, Event, EventBody, FinishReason, Message, MessageAccepted, MessageId, Problem,
    TokenUsage, TurnFailed, TurnId, UserId,
};
use webchat_persistence::{Replay, StoreError};

use crate::core::Core;
use crate::turns::LEASE;
use crate::{ChatError, Sent, Subscription, Turns, Update};

/// How often it is looked for the beginning of a turn that is stored and not yet told.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// A turn that a caller waits for: its events as they come, and what became of it. Dropping it changes
/// nothing of the turn.
pub struct TurnProgress {
    core: Arc<Core>,
    user_id: UserId,
    id: ConversationId,
    accepted: MessageAccepted,
    /// The event that the log was read up to.
    first: Option<Arc<Event>>,
    /// `None` where nothing more will be told.
    subscription: Option<Subscription>,
    told: TurnOutcome,
}

/// What became of a turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnResult {
    /// What was asked.
    pub question: Message,
    /// All that came of the answer.
    pub answer: Message,
    /// Why it ended.
    pub finish_reason: FinishReason,
    /// Why it failed, or what it was filtered for.
    pub error: Option<TurnFailed>,
    /// What it used. `None` where the log does not have it any more.
    pub usage: Option<TokenUsage>,
}

/// What the events say of a turn's end.
#[derive(Default)]
struct TurnOutcome {
    finish_reason: Option<FinishReason>,
    error: Option<TurnFailed>,
    usage: Option<TokenUsage>,
}

impl Turns {
    /// Follows the turn of a message that was sent, now or before.
    ///
    /// # Errors
    /// When the store or the log can't be read.
    pub async fn progress(
        &self,
        user_id: UserId,
        id: ConversationId,
        sent: Sent,
    ) -> Result<TurnProgress, ChatError> {
        let (accepted, first) = match sent {
            Sent::Duplicate(accepted) => (accepted, None),
            Sent::Accepted(event) => match &event.body {
                EventBody::MessageAccepted(accepted) => (accepted.clone(), Some(event)),
                _ => return Err(StoreError::fault("a turn begins with another event").into()),
            },
        };
        let subscription = match &first {
            Some(event) => Some(self.core.subscribe(user_id, id, Some(event.seq)).await?),
            None => self.follow_known(user_id, id, accepted.turn_id).await?,
        };
        let core = Arc::clone(&self.core);
        let told = TurnOutcome::default();
        Ok(TurnProgress { core, user_id, id, accepted, first, subscription, told })
    }

    /// Follows a turn that somebody else began, from its first event on; `None` when it has ended.
    async fn follow_known(
        &self,
        user_id: UserId,
        id: ConversationId,
        turn_id: TurnId,
    ) -> Result<Option<Subscription>, ChatError> {
        loop {
            let checkpoint = self.core.ports.log.checkpoint(id).await?;
            if checkpoint.running_turn == Some(turn_id) {
                return Ok(Some(self.core.subscribe(user_id, id, Some(checkpoint.seq)).await?));
            }
            // Stored, and not yet told: the two are not one step.
            if !self.core.runs(user_id, id, turn_id).await? {
                return Ok(None);
            }
            sleep(LOOK_AGAIN_AFTER).await;
        }
    }
}

impl Core {
    async fn runs(
        &self,
        user_id: UserId,
        id: ConversationId,
        turn_id: TurnId,
    ) -> Result<bool, ChatError> {
        let now = self.ports.clock.now();
        Ok(self.ports.conversations.running_turn(user_id, id, now).await? == Some(turn_id))
    }
}

impl TurnProgress {
    /// The message that was sent.
    #[must_use]
    pub fn accepted(&self) -> &MessageAccepted {
        &self.accepted
    }

    /// Whether nothing more will be told of it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.first.is_none() && self.subscription.is_none()
    }

    /// What happens next in the conversation, until the turn's last event; then `None`. A turn that had
    /// ended before it was asked for has no events.
    ///
    /// # Cancellation
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Update> {
        if let Some(first) = self.first.take() {
            return Some(Update::Events(vec![first]));
        }
        loop {
            let subscription = self.subscription.as_mut()?;
            let Ok(update) = timeout(LEASE, subscription.next()).await else {
                // Whoever ran it may have died, and then nobody tells its end.
                let runs = self.core.runs(self.user_id, self.id, self.accepted.turn_id).await;
                if matches!(runs, Ok(false)) {
                    self.subscription = None;
                }
                continue;
            };
            return Some(self.take(update));
        }
    }

    /// What happened until now, if anything did.
    ///
    /// # Errors
    /// When the log can't be read.
    pub async fn available(&mut self) -> Result<Option<Update>, ChatError> {
        if let Some(first) = self.first.take() {
            return Ok(Some(Update::Events(vec![first])));
        }
        let Some(subscription) = &mut self.subscription else { return Ok(None) };
        Ok(subscription.available().await?.map(|update| self.take(update)))
    }

    /// Waits for the turn's end, and says what became of it.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`] when it was deleted or emptied meanwhile.
    pub async fn result(mut self) -> Result<TurnResult, ChatError> {
        while self.next().await.is_some() {}
        if self.told.usage.is_none() {
            self.recall().await?;
        }
        let question = self.message(self.accepted.message_id).await?;
        let answer = self.message(self.accepted.answer_id).await?;
        let TurnOutcome { finish_reason, error, usage } = self.told;
        let finish_reason = finish_reason.unwrap_or_else(|| FinishReason::of(answer.status));
        let turn_id = self.accepted.turn_id;
        let error = error.or_else(|| stored_error(&answer, turn_id));
        let error = match finish_reason {
            FinishReason::Failed => error.or_else(|| Some(unknown(turn_id))),
            _ => error,
        };
        Ok(TurnResult { question, answer, finish_reason, error, usage })
    }

    /// Events up to the turn's last one.
    fn take(&mut self, update: Update) -> Update {
        let Update::Events(mut events) = update else { return update };
        if let Some(last) = self.told.listen(self.accepted.turn_id, &events) {
            events.truncate(last + 1);
            self.subscription = None;
        }
        Update::Events(events)
    }

    /// Looks for the turn in what the log has still.
    async fn recall(&mut self) -> Result<(), ChatError> {
        if let Replay::Complete(events) = self.core.ports.log.read(self.id, 0).await? {
            self.told.listen(self.accepted.turn_id, &events);
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
    /// Where the turn's last event stands, if it is among these.
    fn listen(&mut self, turn_id: TurnId, events: &[Arc<Event>]) -> Option<usize> {
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

/// Why a turn failed of which neither the log nor the store knows.
fn unknown(turn_id: TurnId) -> TurnFailed {
    let message = "The model gave no whole answer. Why is not known any more.".to_owned();
    TurnFailed { message, code: "model_failed".to_owned(), turn_id }
}

#[cfg(test)]
mod tests;
