//! Saves the answer during the generation and at its end, and renews the turn's lease with each save.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use tokio::time::{Instant, sleep, timeout};
use webchat_domain::{FinishReason, Message, Problem, Timestamp, error_chain};
use webchat_persistence::{AnswerUpdate, StoreError, TurnLease};

use super::draft::{Draft, Snapshot};
use super::turn::TurnTask;
use crate::events::publisher::EventPublisher;
use crate::turns::lease::LEASE;

/// The interval at which the answer is saved and the lease renewed.
const SAVE_INTERVAL: Duration = Duration::from_secs(2);

/// The backoff before the first retry of the final save. It doubles with each retry. All backoffs together take 6.2
/// s, less than the grace period of an aborted task at shutdown.
const MIN_BACKOFF: Duration = Duration::from_millis(200);

/// The maximum number of retries of the final save.
const MAX_RETRIES: usize = 5;

/// The end of a turn, with which its answer is saved.
pub(super) struct TurnEnd {
    pub(super) finish_reason: FinishReason,
    pub(super) error: Option<Problem>,
    /// `None` for a continued answer, whose text was generated at different times.
    pub(super) ended_at: Option<Timestamp>,
}

impl TurnTask {
    /// Saves the answer regularly. Returns only if the conversation was deleted or reset, or if the turn has
    /// lost its lease.
    pub(super) async fn autosave(&self, draft: &Draft) {
        loop {
            tokio::select! {
                () = sleep(SAVE_INTERVAL) => {}
                () = draft.has_grown() => {}
            }
            match self.save_progress(draft).await {
                Ok(Some(_)) => {}
                Ok(None) => return,
                Err(error) => self.log_save_error(&error),
            }
        }
    }

    /// Renews the lease if another instance may regard the turn as abandoned, because this process was paused or its
    /// heartbeats were lost. Returns `false` if the turn has lost its lease: it must not publish anything more.
    pub(super) async fn has_lease(&self, draft: &Draft) -> bool {
        let last_renewal =
            self.running.last_renewal(self.conversation.conversation_id, self.turn_id);
        if last_renewal.is_some_and(|last_renewal| self.liveness.is_unclaimed(last_renewal)) {
            return true;
        }
        match self.save_progress(draft).await {
            Ok(saved) => saved.is_some(),
            Err(error) => {
                self.log_save_error(&error);
                true
            }
        }
    }

    /// Saves the answer's final state. Returns the number of the answer's tokens, or 0 if the conversation was
    /// deleted or reset, or if the turn has lost its lease.
    ///
    /// `backon` sleeps on Tokio's clock, which tests can pause.
    pub(super) async fn save_final_with_retry(
        &self,
        update: &AnswerUpdate,
    ) -> Result<u32, StoreError> {
        let save = || self.save(update.clone());
        let backoff =
            ExponentialBuilder::new().with_min_delay(MIN_BACKOFF).with_max_times(MAX_RETRIES);
        let tokens = save.retry(backoff).notify(|error, _| self.log_save_error(error)).await?;
        Ok(tokens.unwrap_or(0))
    }

    /// Keeps saving the answer until the turn's end is published; otherwise another instance would treat this
    /// turn as abandoned.
    pub(super) async fn renew_until_published(&self, answer: &Message, publisher: &EventPublisher) {
        while timeout(SAVE_INTERVAL, publisher.finished()).await.is_err() {
            let update = AnswerUpdate {
                message_id: answer.message_id,
                turn_id: self.turn_id,
                content: answer.content.clone(),
                reasoning: answer.reasoning.clone(),
                token_count: answer.token_count,
                status: answer.status,
                error: answer.error.clone(),
                ended_at: answer.ended_at,
                lease_until: None,
            };
            if let Err(error) = self.save(update).await {
                let error = error_chain(&error);
                tracing::warn!(turn_id = %self.turn_id, error, "failed to save answer while its publication is pending");
            }
        }
    }

    async fn save_progress(&self, draft: &Draft) -> Result<Option<u32>, StoreError> {
        let update = self.build_update(draft, FinishReason::Interrupted).await;
        let (lease_until, last_renewal) = (self.core.now().plus(LEASE), Instant::now());
        let saved = self.save(AnswerUpdate { lease_until: Some(lease_until), ..update }).await;
        let (id, turn_id) = (self.conversation.conversation_id, self.turn_id);
        match saved {
            Ok(Some(_)) => {
                let lease = TurnLease { turn_id, lease_until };
                self.running.record_renewal(id, lease, last_renewal);
            }
            Ok(None) => {}
            Err(_) => self.running.record_failed_renewal(id, turn_id),
        }
        saved
    }

    /// Returns the end of the turn, now.
    pub(super) fn end(&self, finish_reason: FinishReason, error: Option<Problem>) -> TurnEnd {
        let ended_at = (!self.continues_text()).then(|| self.core.now());
        TurnEnd { finish_reason, error, ended_at }
    }

    /// Returns the update that saves the final state of the answer.
    pub(super) async fn final_update(&self, draft: &Draft, end: TurnEnd) -> AnswerUpdate {
        let TurnEnd { finish_reason, error, ended_at } = end;
        AnswerUpdate { error, ended_at, ..self.build_update(draft, finish_reason).await }
    }

    /// Returns the update that saves the current text with the status of this finish reason.
    async fn build_update(&self, draft: &Draft, finish_reason: FinishReason) -> AnswerUpdate {
        let Snapshot { content, mut reasoning, needs_token_count } = draft.snapshot();
        if needs_token_count && let Some(reasoning) = &mut reasoning {
            reasoning.tokens = self.core.count_tokens(&self.context.model, &reasoning.text).await;
        }
        AnswerUpdate {
            message_id: self.answer.message_id,
            turn_id: self.turn_id,
            token_count: self.core.count_tokens(&self.context.model, &content).await,
            content,
            reasoning,
            status: finish_reason.status(),
            error: None,
            ended_at: None,
            lease_until: None,
        }
    }

    /// Saves the answer. Returns the number of its tokens, or `None` if the conversation was deleted or reset, or
    /// if the turn has lost its lease.
    async fn save(&self, update: AnswerUpdate) -> Result<Option<u32>, StoreError> {
        let token_count = update.token_count;
        let id = self.conversation.conversation_id;
        let conversations = &self.core.ports.conversations;
        let is_saved = conversations.save_answer(id, update, self.core.now()).await?;
        Ok(is_saved.then_some(token_count))
    }

    fn log_save_error(&self, error: &StoreError) {
        tracing::warn!(turn_id = %self.turn_id, error = error_chain(error), "failed to save answer");
    }
}
