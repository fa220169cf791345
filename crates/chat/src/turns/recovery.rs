//! Recovery of turns whose instances have died.

mod heartbeats;
pub(crate) mod liveness;

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt, stream};
use webchat_domain::{
    EventBody, FinishReason, Message, MessageStatus, Reasoning, ResponseEnd, Timestamp, TokenUsage,
    error_chain,
};
use webchat_persistence::{
    AbandonedTurn, AnswerUpdate, ClaimScope, NewEvent, PublishedAnswer, StoreError, TurnLogExt,
};

use self::liveness::MAX_UNRENEWED;
use super::lease::LEASE;
use super::service::Turns;
use crate::events::publisher::event_id;
use crate::metrics::count_recovered_turn;
use crate::runtime::panic_message::panic_message;
use crate::runtime::periodic::repeat_forever;

/// The interval between searches for turns of dead instances, which are known from their heartbeats.
const DEAD_INTERVAL: Duration = Duration::from_millis(250);

/// The interval between searches for expired leases, which read the store.
const EXPIRED_INTERVAL: Duration = Duration::from_secs(1);

/// The maximum number of turns to claim at a time.
const MAX_CLAIMED: usize = 64;

/// The number of turns that are ended concurrently.
const CONCURRENCY: usize = 8;

impl Turns {
    /// Recovers abandoned turns until the future is dropped.
    pub(crate) async fn watch_for_abandoned_turns(self) {
        let dead = || self.recover_turns_of_dead_instances();
        let expired = || self.recover_abandoned_turns();
        tokio::join!(
            repeat_forever("failed to recover turns of dead instances", DEAD_INTERVAL, dead),
            repeat_forever("failed to recover abandoned turns", EXPIRED_INTERVAL, expired),
        );
    }

    /// Ends the turns of instances that are silent. Their leases may be valid for some more seconds, but a live instance
    /// would have renewed them.
    async fn recover_turns_of_dead_instances(&self) -> Result<(), StoreError> {
        self.liveness.wait_for_turns(&[]).await;
        let dead = self.liveness.dead_turns();
        if dead.is_empty() {
            return Ok(());
        }
        let renewed_by = self.core.now().minus(MAX_UNRENEWED);
        self.claim_and_end(ClaimScope::Only(dead), renewed_by).await
    }

    /// Ends the turns whose leases have expired: claims them, publishes their ends and deletes them. If this fails for a
    /// turn, the turn is claimed again later.
    pub(crate) async fn recover_abandoned_turns(&self) -> Result<(), StoreError> {
        let live = self.liveness.live_turns().into_iter().chain(self.running.turn_ids()).collect();
        let renewed_by = self.core.now().minus(LEASE);
        self.claim_and_end(ClaimScope::AllExcept(live), renewed_by).await
    }

    /// Claims the turns in this scope whose leases were last renewed by `renewed_by`, and ends them.
    async fn claim_and_end(
        &self,
        scope: ClaimScope,
        renewed_by: Timestamp,
    ) -> Result<(), StoreError> {
        let conversations = &self.core.ports.conversations;
        let max = u32::try_from(MAX_CLAIMED).unwrap_or(u32::MAX);
        loop {
            let lease_until = self.core.now().plus(LEASE);
            let expired_by = renewed_by.plus(LEASE);
            let turns = conversations
                .claim_expired_turns(scope.clone(), expired_by, renewed_by, lease_until, max)
                .await?;
            self.running.add_recovering(turns.iter().map(|turn| turn.turn_id));
            let may_be_more = turns.len() == MAX_CLAIMED;
            stream::iter(turns)
                .for_each_concurrent(CONCURRENCY, |turn| self.recover(turn, lease_until))
                .await;
            if !may_be_more {
                return Ok(());
            }
        }
    }

    async fn recover(&self, turn: AbandonedTurn, lease_until: Timestamp) {
        let turn_id = turn.turn_id;
        // A panic must not prevent the recovery of the other turns.
        let result =
            AssertUnwindSafe(self.end_abandoned_turn(turn, lease_until)).catch_unwind().await;
        self.running.remove_recovering(turn_id);
        let error = match result {
            Ok(Ok(true)) => {
                count_recovered_turn();
                tracing::warn!(%turn_id, "recovered abandoned turn");
                return;
            }
            Ok(Ok(false)) => return,
            Ok(Err(error)) => error_chain(&error),
            Err(panic) => panic_message(panic.as_ref()),
        };
        tracing::warn!(%turn_id, error, "failed to recover abandoned turn");
    }

    /// Publishes the end of the turn, then deletes the turn. If this instance dies in between, another one recovers
    /// the turn, and the event ids prevent a second publication. Returns `false` if the turn's own instance has ended it
    /// in the meantime.
    async fn end_abandoned_turn(
        &self,
        mut turn: AbandonedTurn,
        lease_until: Timestamp,
    ) -> Result<bool, StoreError> {
        let (id, turn_id) = (turn.conversation_id, turn.turn_id);
        if !self.save_published_text(&mut turn, lease_until).await? {
            return Ok(false);
        }
        let new_event = |body| NewEvent { event_id: event_id(&body), duplicates_after: 0, body };
        let events = self.last_events(&turn).into_iter().map(new_event).collect();
        self.core.ports.log.append(id, events).await?;
        self.core.ports.conversations.end_turn(id, turn_id).await?;
        self.core.notify_list(turn.user_id, Some(id)).await;
        Ok(true)
    }

    /// Saves the text and the reasoning that readers have seen, if the instance died before it saved all of it. Returns
    /// `false` if the instance is alive and has ended the turn in the meantime: only a turn with a lease can be saved
    /// with another one.
    async fn save_published_text(
        &self,
        turn: &mut AbandonedTurn,
        lease_until: Timestamp,
    ) -> Result<bool, StoreError> {
        let (id, turn_id) = (turn.conversation_id, turn.turn_id);
        let is_unfinished = |answer: &&mut Message| answer.status == MessageStatus::Interrupted;
        let Some(answer) = turn.answer.as_mut().filter(is_unfinished) else { return Ok(true) };
        let published = self.core.ports.log.published_answer(id, turn_id).await?;
        let Some(published) = published else { return Ok(true) };
        let PublishedAnswer { content, reasoning, reasoning_ms } = published;
        let stored_reasoning = answer.reasoning.as_ref().map_or("", |stored| &stored.text);
        let model = self.core.ports.models.first();
        let has_more_reasoning = is_longer(&reasoning, stored_reasoning);
        let has_more_text = is_longer(&content, &answer.content);
        if has_more_reasoning {
            let tokens = self.core.count_tokens(&model, &reasoning).await;
            answer.reasoning =
                Some(Reasoning { text: reasoning, duration_ms: reasoning_ms, tokens });
        }
        if has_more_text {
            (answer.token_count, answer.content) =
                (self.core.count_tokens(&model, &content).await, content);
        }
        if !has_more_reasoning && !has_more_text {
            return Ok(true);
        }
        let update = AnswerUpdate {
            message_id: answer.message_id,
            turn_id,
            content: answer.content.clone(),
            reasoning: answer.reasoning.clone(),
            token_count: answer.token_count,
            status: answer.status,
            error: answer.error.clone(),
            ended_at: None,
            lease_until: Some(lease_until),
        };
        self.core.ports.conversations.save_answer(id, update, self.core.now()).await
    }

    /// Returns the events that end the turn. Their ledger is empty, because only the dead instance knew it.
    fn last_events(&self, turn: &AbandonedTurn) -> Vec<EventBody> {
        let turn_id = turn.turn_id;
        let end = turn.answer.as_ref().map(|answer| {
            ResponseEnd::new(answer, turn_id, FinishReason::from_status(answer.status))
        });
        let answer = turn.answer.as_ref();
        let reasoning = answer.and_then(|answer| answer.reasoning.as_ref());
        let reasoning_tokens = reasoning.map_or(0, |reasoning| reasoning.tokens);
        let answer_tokens = answer.map_or(0, |answer| answer.token_count);
        let usage = TokenUsage {
            turn_id,
            total_tokens_used: answer_tokens.saturating_add(reasoning_tokens),
            cached_tokens: 0,
            reasoning_tokens,
            ledger: self.core.ports.models.first().empty_ledger(),
        };
        end.map(EventBody::ResponseEnd).into_iter().chain([EventBody::TokenUsage(usage)]).collect()
    }
}

/// Returns whether more was published than stored.
fn is_longer(published: &str, stored: &str) -> bool {
    published.len() > stored.len() && published.starts_with(stored)
}

#[cfg(test)]
mod tests;
