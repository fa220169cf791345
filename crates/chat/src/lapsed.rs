use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use webchat_domain::{EventBody, FinishReason, Ledger, MessageStatus, ResponseEnd, TokenUsage};
use webchat_persistence::{AbandonedTurn, StoreError};

use crate::background::run_periodically;
use crate::core::Core;
use crate::fault::{cause, panic_message};
use crate::publisher::event_id;
use crate::turns::LEASE;
use crate::{Settings, Turns};

/// How often it is looked for turns that nobody runs any more.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Turns taken over at a time.
const AT_ONCE: u32 = 64;

impl Turns {
    pub(crate) async fn watch_for_abandoned_turns(self) {
        let looking = || {
            let turns = self.clone();
            async move { turns.recover_abandoned_turns().await }
        };
        run_periodically("can't look for lapsed turns", LOOK_EVERY, looking).await;
    }

    /// Ends the turns whose instances have died, and tells their followers. A turn that can't be
    /// ended now lapses again.
    pub(crate) async fn recover_abandoned_turns(&self) -> Result<(), StoreError> {
        let now = self.core.ports.clock.now();
        let conversations = &self.core.ports.conversations;
        let (unpublished_since, until) = (now.minus(LEASE), now.plus(LEASE));
        for lapsed in
            conversations.claim_expired_turns(now, unpublished_since, until, AT_ONCE).await?
        {
            let turn_id = lapsed.turn_id;
            // One that panics must not keep those behind it from their ends.
            let ended = AssertUnwindSafe(self.end_lapsed_turn(lapsed)).catch_unwind().await;
            let failure = match ended {
                Ok(Ok(())) => {
                    tracing::warn!(%turn_id, "a turn whose instance died was ended");
                    continue;
                }
                Ok(Err(error)) => cause(&error),
                Err(panic) => panic_message(panic.as_ref()),
            };
            tracing::warn!(%turn_id, error = failure, "a lapsed turn was not ended");
        }
        Ok(())
    }

    /// First tells, then ends: whoever dies between the two leaves it to the next, and what is told
    /// again is told once.
    async fn end_lapsed_turn(&self, lapsed: AbandonedTurn) -> Result<(), StoreError> {
        let (id, turn_id) = (lapsed.conversation_id, lapsed.turn_id);
        for body in self.last_events(&lapsed) {
            self.core.ports.log.append(id, event_id(&body), body).await?;
        }
        self.core.ports.conversations.end_turn(id, turn_id).await?;
        self.core.notify_list(lapsed.user_id, Some(id)).await;
        Ok(())
    }

    /// What was sent to the model, nobody knows any more.
    fn last_events(&self, lapsed: &AbandonedTurn) -> Vec<EventBody> {
        let turn_id = lapsed.turn_id;
        let end = lapsed.answer.as_ref().map(|answer| ResponseEnd {
            message_id: answer.message_id,
            turn_id,
            position: answer.position,
            finish_reason: finish_reason(answer.status),
            status: answer.status,
            token_count: answer.token_count,
        });
        let usage = TokenUsage {
            turn_id,
            total_tokens_used: lapsed.answer.as_ref().map_or(0, |answer| answer.token_count),
            ledger: self.core.empty_ledger(),
        };
        end.map(EventBody::ResponseEnd).into_iter().chain([EventBody::TokenUsage(usage)]).collect()
    }
}

impl Core {
    /// Of a turn for which nothing has been sent.
    pub(crate) fn empty_ledger(&self) -> Ledger {
        let Settings { max_tokens: window, reply_tokens: reserved, .. } = self.settings;
        Ledger { window, reserved, total: reserved, ..Ledger::default() }
    }
}

/// Why the answer ended, as far as it is stored: its instance may have died before it told so.
fn finish_reason(status: MessageStatus) -> FinishReason {
    match status {
        MessageStatus::Complete => FinishReason::Stop,
        MessageStatus::Truncated => FinishReason::Length,
        MessageStatus::Stopped => FinishReason::Stopped,
        MessageStatus::Interrupted => FinishReason::Interrupted,
        MessageStatus::Failed => FinishReason::Failed,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use webchat_domain::{ConversationId, TurnId, UserId};
    use webchat_persistence::{AnswerUpdate, MockConversations};

    use super::*;
    use crate::testing::{ANSWER, QUESTION, Room, START, settle};

    #[tokio::test(start_paused = true)]
    async fn a_turn_whose_instance_died_is_told_as_interrupted_within_its_hold_and_two_seconds() {
        let room = Room::open().await;
        room.chat.spawn_background_tasks();
        room.begin_elsewhere(ANSWER).await;

        for _ in 1..LEASE.as_secs() {
            room.wait(Duration::from_secs(1)).await;
        }
        let early = room.told().await;
        for _ in 0..3 {
            room.wait(Duration::from_secs(1)).await;
        }

        assert_eq!(early, [""; 0]);
        assert_eq!(room.told().await, ["end: Interrupted, Interrupted", "usage: 6"]);
        let kept = room.last_stored().await;
        assert_eq!((kept.content.as_str(), kept.status), (ANSWER, MessageStatus::Interrupted));
        room.ask_and_answer("And 3 + 3?", "6").await;
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_was_stored_by_an_instance_that_died_before_it_said_so_is_told_as_it_is()
    {
        let room = Room::open().await;
        room.chat.spawn_background_tasks();
        let [_, answer] = room.begin_elsewhere("").await;
        let whole = AnswerUpdate {
            message_id: answer.message_id,
            turn_id: answer.turn_id.unwrap(),
            content: ANSWER.to_owned(),
            token_count: 6,
            status: MessageStatus::Complete,
            error: None,
            lease_until: None,
        };
        let conversations = &room.chat.core.ports.conversations;
        assert!(conversations.save_answer(room.id, whole, START).await.unwrap());

        for _ in 0..LEASE.as_secs() + 2 {
            room.wait(Duration::from_secs(1)).await;
        }

        assert_eq!(room.told().await, ["end: Stop, Complete", "usage: 6"]);
        assert_eq!(room.last_stored().await.content, ANSWER);
    }

    #[tokio::test(start_paused = true)]
    async fn many_instances_tell_it_once_and_one_that_is_alive_after_all_tells_nothing_else() {
        let room = Room::open().await;
        let asked = room.ask(QUESTION).await;
        let others = [room.another_instance(), room.another_instance()];

        // As if this instance had slept: its turn lapses.
        room.clock.advance(LEASE);
        for other in &others {
            other.turns.recover_abandoned_turns().await.unwrap();
        }
        settle().await;
        asked.say(ANSWER).await;
        asked.finish(FinishReason::Stop).await;
        settle().await;

        let told = room.told().await;
        let ends: Vec<_> = told.iter().filter(|event| event.starts_with("end")).collect();
        assert_eq!(ends, ["end: Interrupted, Interrupted"], "{told:?}");
        assert_eq!(told.iter().filter(|event| event.starts_with("usage")).count(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lapsed_turn_whose_end_panics_keeps_no_other_from_its_end() {
        let lapsed = || AbandonedTurn {
            user_id: UserId::generate(),
            conversation_id: ConversationId::generate(),
            turn_id: TurnId::generate(),
            answer: None,
        };
        let turns = vec![lapsed(), lapsed()];
        let [broken, sound] = [turns[0].turn_id, turns[1].turn_id];
        let ended = Arc::new(Mutex::new(Vec::new()));
        let mut store = MockConversations::new();
        store.expect_claim_expired_turns().return_once(move |_, _, _, _| Ok(turns));
        store
            .expect_end_turn()
            .withf(move |_, turn_id| *turn_id == broken)
            .returning(|_, _| panic!("the store panics"));
        let noted = Arc::clone(&ended);
        store.expect_end_turn().returning(move |_, turn_id| {
            noted.lock().unwrap().push(turn_id);
            Ok(true)
        });
        let room = Room::open().await.on(|ports| ports.conversations = Arc::new(store));

        room.chat.turns.recover_abandoned_turns().await.unwrap();

        assert_eq!(*ended.lock().unwrap(), [sound]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_into_a_lapsed_turn_is_told_after_its_end() {
        let room = Room::open().await;
        let asked = room.ask(QUESTION).await;
        let other = room.another_instance();
        room.clock.advance(LEASE);

        let next = crate::testing::message("And 3 + 3?");
        other.turns.send(room.user_id, room.id, next).await.unwrap();

        assert_eq!(
            room.told().await[2..5],
            ["end: Interrupted, Interrupted", "usage: 0", "accepted: And 3 + 3?"]
        );
        drop(asked);
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_runs_is_let_alone() {
        let room = Room::open().await;
        room.chat.spawn_background_tasks();
        let asked = room.ask(QUESTION).await;

        for _ in 0..30 {
            room.wait(Duration::from_secs(1)).await;
        }
        asked.say(ANSWER).await;
        asked.finish(FinishReason::Stop).await;
        settle().await;

        assert_eq!(
            room.told().await[2..],
            [format!("chunk: {ANSWER}").as_str(), "end: Stop, Complete", "usage: 20"]
        );
    }
}
