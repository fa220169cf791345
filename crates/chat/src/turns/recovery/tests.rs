use std::sync::{Arc, Mutex};

use webchat_domain::{
    ConversationId, EventId, InstanceId, MessageAccepted, MessageStatus, ResponseChunk, TurnId,
    UserId,
};
use webchat_persistence::{Heartbeat, MockConversations, MockSignals, Signal};

use super::*;
use crate::testing::{ANSWER, QUESTION, START, TestChat, message, settle};
use crate::turns::recovery::liveness::HEARTBEAT_INTERVAL;

/// Another instance, which runs a turn and announces it.
struct AnnouncingInstance {
    instance_id: InstanceId,
    turn_id: TurnId,
}

impl AnnouncingInstance {
    fn of(answer: &Message) -> Self {
        Self { instance_id: InstanceId::generate(), turn_id: answer.turn_id.unwrap() }
    }

    async fn send_heartbeats(&self, test: &TestChat, duration: Duration) {
        for _ in 0..duration.as_millis() / HEARTBEAT_INTERVAL.as_millis() {
            let heartbeat = Signal::Heartbeat(Heartbeat {
                instance_id: self.instance_id,
                turn_ids: vec![self.turn_id],
            });
            test.chat.core.ports.signals.publish(heartbeat).await.unwrap();
            test.advance(HEARTBEAT_INTERVAL).await;
        }
    }
}

/// Returns the final save of the answer.
fn complete(answer: &Message) -> AnswerUpdate {
    AnswerUpdate {
        message_id: answer.message_id,
        turn_id: answer.turn_id.unwrap(),
        content: ANSWER.to_owned(),
        token_count: 6,
        status: MessageStatus::Complete,
        error: None,
        reasoning: None,
        ended_at: None,
        lease_until: None,
    }
}

#[tokio::test(start_paused = true)]
async fn a_turn_of_a_dead_instance_is_published_as_interrupted_within_three_seconds() {
    let test = TestChat::new().await;
    test.chat.spawn_background_tasks();
    let [_, answer] = test.start_turn_on_another_instance(ANSWER).await;
    let other = AnnouncingInstance::of(&answer);

    other.send_heartbeats(&test, LEASE * 2).await;
    let while_alive = test.published().await;
    for _ in 0..6 {
        test.advance(HEARTBEAT_INTERVAL).await;
    }

    assert_eq!(while_alive, [""; 0]);
    assert_eq!(test.published().await, ["end: Interrupted, Interrupted", "usage: 6"]);
    let answer = test.last_message().await;
    assert_eq!((answer.content.as_str(), answer.status), (ANSWER, MessageStatus::Interrupted));
    test.ask_and_answer("And 3 + 3?", "6").await;
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_a_live_instance_announces_is_not_recovered_when_the_clock_jumps() {
    let test = TestChat::new().await;
    test.chat.spawn_background_tasks();
    let [_, answer] = test.start_turn_on_another_instance(ANSWER).await;
    let other = AnnouncingInstance::of(&answer);
    other.send_heartbeats(&test, LEASE / 2).await;

    test.clock.advance(Duration::from_hours(1));
    other.send_heartbeats(&test, LEASE / 2).await;

    assert_eq!(test.published().await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn without_signals_a_turn_is_recovered_when_its_lease_expires() {
    let mut signals = MockSignals::new();
    signals.expect_subscribe().returning(|| Ok(stream::pending().boxed()));
    signals.expect_publish().returning(|_| Err(StoreError::unavailable("no connection")));
    let test = TestChat::new().await.with_ports(|ports| ports.signals = Arc::new(signals));
    test.chat.spawn_background_tasks();
    test.start_turn_on_another_instance(ANSWER).await;

    for _ in 1..LEASE.as_secs() {
        test.advance(Duration::from_secs(1)).await;
    }
    let early = test.published().await;
    test.advance(Duration::from_secs(2)).await;

    assert_eq!(early, [""; 0]);
    assert_eq!(test.published().await, ["end: Interrupted, Interrupted", "usage: 6"]);
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
    let accepted =
        MessageAccepted { message_id: question.message_id, turn_id, ..MessageAccepted::fixture() };
    let chunk = ResponseChunk { chunk: ANSWER.to_owned(), turn_id };
    for body in [EventBody::MessageAccepted(accepted), EventBody::ResponseChunk(chunk)] {
        log.append_one(test.conversation_id, EventId::generate(), body).await.unwrap();
    }
    let conversations = &test.chat.core.ports.conversations;
    test.clock.advance(LEASE);
    let (now, until) = (test.chat.core.now(), test.chat.core.now().plus(LEASE));
    let claimed = conversations.claim_expired_turns(ClaimScope::ALL, now, now, until, 1).await;
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
