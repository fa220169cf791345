//! Recovery of turns whose instances have died.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use webchat_domain::{
    EventBody, FinishReason, Message, MessageStatus, ResponseEnd, Timestamp, TokenUsage,
};
use webchat_persistence::{AbandonedTurn, AnswerUpdate, NewEvent, StoreError, TurnLogExt};

use super::lease::LEASE;
use super::service::Turns;
use crate::events::publisher::event_id;
use crate::metrics::count_recovered_turn;
use crate::runtime::error_chain::{error_chain, panic_message};
use crate::runtime::periodic::repeat_forever;

/// The interval between searches for abandoned turns.
const RECOVERY_INTERVAL: Duration = Duration::from_secs(1);

/// The maximum number of turns to claim at a time.
const MAX_CLAIMED: u32 = 64;

impl Turns {
    pub(crate) async fn watch_for_abandoned_turns(self) {
        let recover = || self.recover_abandoned_turns();
        repeat_forever("failed to recover abandoned turns", RECOVERY_INTERVAL, recover).await;
    }

    /// Claims the turns whose instances have died, publishes their ends and deletes them. If this fails for a turn,
    /// the turn is claimed again when the new lease expires.
    pub(crate) async fn recover_abandoned_turns(&self) -> Result<(), StoreError> {
        let now = self.core.now();
        let conversations = &self.core.ports.conversations;
        let (unpublished_since, lease_until) = (now.minus(LEASE), now.plus(LEASE));
        let turns = conversations
            .claim_expired_turns(
                self.running.turn_ids(),
                now,
                unpublished_since,
                lease_until,
                MAX_CLAIMED,
            )
            .await?;
        for turn in turns {
            let turn_id = turn.turn_id;
            // A panic must not prevent the recovery of the other turns.
            let result =
                AssertUnwindSafe(self.end_abandoned_turn(turn, lease_until)).catch_unwind().await;
            let error = match result {
                Ok(Ok(is_recovered)) => {
                    if is_recovered {
                        count_recovered_turn();
                        tracing::warn!(%turn_id, "recovered abandoned turn");
                    }
                    continue;
                }
                Ok(Err(error)) => error_chain(&error),
                Err(panic) => panic_message(panic.as_ref()),
            };
            tracing::warn!(%turn_id, error, "failed to recover abandoned turn");
        }
        Ok(())
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

    /// Saves the text that readers have seen, if the instance died before it saved all of it. Returns `false` if the
    /// instance is alive and has ended the turn in the meantime: only a turn with a lease can be saved with another one.
    async fn save_published_text(
        &self,
        turn: &mut AbandonedTurn,
        lease_until: Timestamp,
    ) -> Result<bool, StoreError> {
        let (id, turn_id) = (turn.conversation_id, turn.turn_id);
        let is_unfinished = |answer: &&mut Message| answer.status == MessageStatus::Interrupted;
        let Some(answer) = turn.answer.as_mut().filter(is_unfinished) else { return Ok(true) };
        let published = self.core.ports.log.published_text(id, turn_id).await?;
        let is_longer =
            |text: &String| text.len() > answer.content.len() && text.starts_with(&answer.content);
        let Some(content) = published.filter(is_longer) else { return Ok(true) };
        let token_count = self.core.count_tokens(&content).await;
        let update = AnswerUpdate {
            message_id: answer.message_id,
            turn_id,
            content: content.clone(),
            token_count,
            status: answer.status,
            error: answer.error.clone(),
            lease_until: Some(lease_until),
        };
        (answer.content, answer.token_count) = (content, token_count);
        self.core.ports.conversations.save_answer(id, update, self.core.now()).await
    }

    /// Returns the events that end the turn. Their ledger is empty, because only the dead instance knew it.
    fn last_events(&self, turn: &AbandonedTurn) -> Vec<EventBody> {
        let turn_id = turn.turn_id;
        let end = turn.answer.as_ref().map(|answer| ResponseEnd {
            message_id: answer.message_id,
            turn_id,
            position: answer.position,
            finish_reason: FinishReason::from_status(answer.status),
            status: answer.status,
            token_count: answer.token_count,
        });
        let usage = TokenUsage {
            turn_id,
            total_tokens_used: turn.answer.as_ref().map_or(0, |answer| answer.token_count),
            ledger: self.core.settings.empty_ledger(),
        };
        end.map(EventBody::ResponseEnd).into_iter().chain([EventBody::TokenUsage(usage)]).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use webchat_domain::{
        ConversationId, EventId, MessageAccepted, MessageStatus, ResponseChunk, TurnId, UserId,
    };
    use webchat_persistence::MockConversations;

    use super::*;
    use crate::testing::{ANSWER, QUESTION, START, TestChat, message, settle};

    /// Returns the final save of the answer.
    fn complete(answer: &Message) -> AnswerUpdate {
        AnswerUpdate {
            message_id: answer.message_id,
            turn_id: answer.turn_id.unwrap(),
            content: ANSWER.to_owned(),
            token_count: 6,
            status: MessageStatus::Complete,
            error: None,
            lease_until: None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_abandoned_turn_is_published_as_interrupted_within_two_seconds_of_its_expiry() {
        let test = TestChat::new().await;
        test.chat.spawn_background_tasks();
        test.start_turn_on_another_instance(ANSWER).await;

        for _ in 1..LEASE.as_secs() {
            test.advance(Duration::from_secs(1)).await;
        }
        let early = test.published().await;
        for _ in 0..3 {
            test.advance(Duration::from_secs(1)).await;
        }

        assert_eq!(early, [""; 0]);
        assert_eq!(test.published().await, ["end: Interrupted, Interrupted", "usage: 6"]);
        let answer = test.last_message().await;
        assert_eq!((answer.content.as_str(), answer.status), (ANSWER, MessageStatus::Interrupted));
        test.ask_and_answer("And 3 + 3?", "6").await;
    }

    #[tokio::test(start_paused = true)]
    async fn an_abandoned_turn_with_a_complete_answer_is_published_as_complete() {
        let test = TestChat::new().await;
        test.chat.spawn_background_tasks();
        let [_, answer] = test.start_turn_on_another_instance("").await;
        let conversations = &test.chat.core.ports.conversations;
        let complete = complete(&answer);
        assert!(conversations.save_answer(test.conversation_id, complete, START).await.unwrap());

        for _ in 0..LEASE.as_secs() + 2 {
            test.advance(Duration::from_secs(1)).await;
        }

        assert_eq!(test.published().await, ["end: Stop, Complete", "usage: 6"]);
        assert_eq!(test.last_message().await.content, ANSWER);
    }

    #[tokio::test(start_paused = true)]
    async fn text_that_readers_have_seen_is_kept_when_the_instance_dies() {
        let test = TestChat::new().await;
        let request = test.ask(QUESTION).await;
        let published = "anti".repeat(1_000);
        for chunk in published.as_bytes().chunks(80) {
            request.send_text(str::from_utf8(chunk).unwrap()).await;
            settle().await;
        }
        let saved = test.last_message().await.content;

        let other = test.another_instance();
        test.clock.advance(LEASE);
        other.turns.recover_abandoned_turns().await.unwrap();

        let answer = test.last_message().await;
        assert!(saved.len() < published.len(), "nothing was left to recover");
        assert_eq!((answer.content, answer.status), (published, MessageStatus::Interrupted));
        assert_eq!(u64::from(answer.token_count) + 7, test.conversation().await.total_tokens);
        drop(request);
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_its_instance_ends_after_the_claim_is_left_alone() {
        let test = TestChat::new().await;
        let [question, answer] = test.start_turn_on_another_instance("").await;
        let (log, turn_id) = (&test.chat.core.ports.log, answer.turn_id.unwrap());
        let accepted = MessageAccepted {
            message_id: question.message_id,
            turn_id,
            ..MessageAccepted::fixture()
        };
        let chunk = ResponseChunk { chunk: ANSWER.to_owned(), turn_id };
        for body in [EventBody::MessageAccepted(accepted), EventBody::ResponseChunk(chunk)] {
            log.append_one(test.conversation_id, EventId::generate(), body).await.unwrap();
        }
        let conversations = &test.chat.core.ports.conversations;
        test.clock.advance(LEASE);
        let (now, until) = (test.chat.core.now(), test.chat.core.now().plus(LEASE));
        let claimed = conversations.claim_expired_turns(Vec::new(), now, now, until, 1).await;
        let complete = complete(&answer);
        assert!(conversations.save_answer(test.conversation_id, complete, now).await.unwrap());

        let ended = test.chat.turns.end_abandoned_turn(claimed.unwrap().remove(0), until).await;

        assert!(!ended.unwrap());
        assert_eq!(test.last_message().await.status, MessageStatus::Complete);
        let published = test.published().await;
        assert!(!published.iter().any(|event| event.starts_with("end")), "{published:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn several_instances_publish_the_end_of_a_turn_only_once() {
        let test = TestChat::new().await;
        let request = test.ask(QUESTION).await;
        let others = [test.another_instance(), test.another_instance()];

        // The lease expires, as if this instance had been suspended.
        test.clock.advance(LEASE);
        for other in &others {
            other.turns.recover_abandoned_turns().await.unwrap();
        }
        settle().await;
        request.send_text(ANSWER).await;
        request.finish(FinishReason::Stop).await;
        settle().await;

        let published = test.published().await;
        let ends: Vec<_> = published.iter().filter(|event| event.starts_with("end")).collect();
        assert_eq!(ends, ["end: Interrupted, Interrupted"], "{published:?}");
        assert_eq!(published.iter().filter(|event| event.starts_with("usage")).count(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_while_recovering_a_turn_does_not_prevent_the_recovery_of_others() {
        let abandoned = || AbandonedTurn {
            user_id: UserId::generate(),
            conversation_id: ConversationId::generate(),
            turn_id: TurnId::generate(),
            answer: None,
        };
        let turns = vec![abandoned(), abandoned()];
        let [panicking, other] = [turns[0].turn_id, turns[1].turn_id];
        let ended = Arc::new(Mutex::new(Vec::new()));
        let mut store = MockConversations::new();
        store.expect_claim_expired_turns().return_once(move |_, _, _, _, _| Ok(turns));
        store
            .expect_end_turn()
            .withf(move |_, turn_id| *turn_id == panicking)
            .returning(|_, _| panic!("the store panics"));
        let recorded = Arc::clone(&ended);
        store.expect_end_turn().returning(move |_, turn_id| {
            recorded.lock().unwrap().push(turn_id);
            Ok(true)
        });
        let test = TestChat::new().await.with_ports(|ports| ports.conversations = Arc::new(store));

        test.chat.turns.recover_abandoned_turns().await.unwrap();

        assert_eq!(*ended.lock().unwrap(), [other]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_an_abandoned_turn_is_published_before_the_next_message() {
        let test = TestChat::new().await;
        let request = test.ask(QUESTION).await;
        let other = test.another_instance();
        test.clock.advance(LEASE);

        other.turns.send(test.user_id, test.conversation_id, message("And 3 + 3?")).await.unwrap();

        assert_eq!(
            test.published().await[2..5],
            ["end: Interrupted, Interrupted", "usage: 0", "accepted: And 3 + 3?"]
        );
        drop(request);
    }

    #[tokio::test(start_paused = true)]
    async fn a_running_turn_is_not_recovered() {
        let test = TestChat::new().await;
        test.chat.spawn_background_tasks();
        let request = test.ask(QUESTION).await;

        for _ in 0..30 {
            test.advance(Duration::from_secs(1)).await;
        }
        request.send_text(ANSWER).await;
        request.finish(FinishReason::Stop).await;
        settle().await;

        assert_eq!(
            test.published().await[2..],
            [format!("chunk: {ANSWER}").as_str(), "end: Stop, Complete", "usage: 20"]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_jump_does_not_end_a_turn_of_this_process() {
        let test = TestChat::new().await;
        let request = test.ask(QUESTION).await;

        test.clock.advance(Duration::from_mins(1));
        test.chat.turns.recover_abandoned_turns().await.unwrap();
        let second = test.send("Why?").await;
        request.answer(ANSWER, webchat_domain::FinishReason::Stop).await;

        assert_eq!(second.unwrap_err().code(), "turn_in_progress");
        let answer = test.last_message().await;
        assert_eq!((answer.content.as_str(), answer.status), (ANSWER, MessageStatus::Complete));
    }
}
