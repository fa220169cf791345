//! A client's subscription to the events of one conversation.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use webchat_domain::{ConversationId, Event, EventBody, ResponseChunk, TurnId};
use webchat_persistence::{Replay, StoreError, TurnLog};

use crate::runtime::error_chain::error_chain;

/// How long a subscription waits before it reads the log again after a failure.
const REREAD_INTERVAL: Duration = Duration::from_secs(1);

/// The maximum bytes of text in one update, which bounds the memory that a slow client takes.
const MAX_UPDATE_BYTES: usize = 32 * 1024;

/// A subscription to the events of one conversation, read at the subscriber's pace.
pub struct Subscription {
    log: Arc<dyn TurnLog>,
    conversation_id: ConversationId,
    event_seq: u64,
    recovered: bool,
}

/// What a subscriber receives next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Update {
    /// At least one event. Adjacent chunks of an answer are merged into one.
    Events(Vec<Arc<Event>>),
    /// The log no longer has the events that come next: the client should read the messages again.
    /// Events after this number follow.
    Gap {
        /// The number after which events follow.
        event_seq: u64,
    },
}

impl Subscription {
    /// Opens a subscription to the events after `after`; without it, to those appended from now on.
    pub(crate) async fn open(
        log: Arc<dyn TurnLog>,
        conversation_id: ConversationId,
        after: Option<u64>,
    ) -> Result<Self, StoreError> {
        let (event_seq, recovered) = match after {
            None => (log.checkpoint(conversation_id).await?.latest, true),
            Some(after) => match log.read(conversation_id, after).await? {
                Replay::Complete(_) => (after, true),
                Replay::Gone { latest } => (latest, false),
            },
        };
        Ok(Self { log, conversation_id, event_seq, recovered })
    }

    /// Returns whether the subscription delivers every event after the requested number.
    #[must_use]
    pub fn recovered(&self) -> bool {
        self.recovered
    }

    /// Returns the number of the last event that was delivered.
    #[must_use]
    pub fn event_seq(&self) -> u64 {
        self.event_seq
    }

    /// Waits for the next update. While the log can't be read, this tries again every second.
    ///
    /// # Cancellation
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Update {
        loop {
            match self.wait_and_read().await {
                Ok(Some(update)) => return update,
                Ok(None) => {}
                Err(error) => {
                    let (id, error) = (self.conversation_id, error_chain(&error));
                    tracing::debug!(conversation_id = %id, error, "failed to read events");
                    sleep(REREAD_INTERVAL).await;
                }
            }
        }
    }

    async fn wait_and_read(&mut self) -> Result<Option<Update>, StoreError> {
        self.log.wait(self.conversation_id, self.event_seq).await?;
        self.available().await
    }

    /// Returns the next update without waiting, or `None` if there is none yet. A long backlog comes in
    /// several updates.
    ///
    /// # Errors
    /// When the log can't be read.
    ///
    /// # Cancellation
    /// Dropping the future loses nothing.
    pub async fn available(&mut self) -> Result<Option<Update>, StoreError> {
        let events = match self.log.read(self.conversation_id, self.event_seq).await? {
            Replay::Gone { latest } => {
                self.event_seq = latest;
                return Ok(Some(Update::Gap { event_seq: latest }));
            }
            Replay::Complete(events) => events,
        };
        let events = take_up_to_max(&events);
        Ok(events.last().map(|newest| {
            self.event_seq = newest.seq;
            Update::Events(merge_chunks(events))
        }))
    }
}

/// Returns as many of the first events as fit into one update, at least one.
fn take_up_to_max(events: &[Arc<Event>]) -> &[Arc<Event>] {
    let mut size = 0;
    let fits = |event: &&Arc<Event>| {
        size += text_len(event);
        size <= MAX_UPDATE_BYTES
    };
    let count = events.iter().take_while(fits).count().max(1);
    events.get(..count).unwrap_or(events)
}

fn text_len(event: &Event) -> usize {
    match &event.body {
        EventBody::MessageAccepted(accepted) => accepted.content.len(),
        EventBody::ResponseChunk(chunk) => chunk.chunk.len(),
        _ => 0,
    }
}

/// Merges adjacent chunks of one turn into one, which has the number of the last.
fn merge_chunks(events: &[Arc<Event>]) -> Vec<Arc<Event>> {
    events
        .chunk_by(|one, next| chunk_turn(one).is_some() && chunk_turn(one) == chunk_turn(next))
        .filter_map(|run| match run {
            [] | [_] => run.first().cloned(),
            [.., last] => Some(merged(run, last)),
        })
        .collect()
}

fn chunk_turn(event: &Event) -> Option<TurnId> {
    match &event.body {
        EventBody::ResponseChunk(chunk) => Some(chunk.turn_id),
        _ => None,
    }
}

fn merged(run: &[Arc<Event>], last: &Arc<Event>) -> Arc<Event> {
    let EventBody::ResponseChunk(ResponseChunk { turn_id, .. }) = last.body else {
        return Arc::clone(last);
    };
    let chunk = run
        .iter()
        .filter_map(|event| match &event.body {
            EventBody::ResponseChunk(chunk) => Some(chunk.chunk.as_str()),
            _ => None,
        })
        .collect();
    Arc::new(Event {
        body: EventBody::ResponseChunk(ResponseChunk { chunk, turn_id }),
        ..Event::clone(last)
    })
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use proptest::prelude::*;
    use webchat_domain::{ConversationChange, EventId, FinishReason};

    use super::*;
    use crate::ChatError;
    use crate::testing::{ANSWER, QUESTION, TestChat, describe, expect_soon, settle};
    use webchat_domain::UserId;

    fn chunk(seq: u64, turn_id: TurnId, text: &str) -> Arc<Event> {
        let chunk = ResponseChunk { chunk: text.to_owned(), turn_id };
        event(seq, EventBody::ResponseChunk(chunk))
    }

    fn deleted(seq: u64) -> Arc<Event> {
        event(seq, EventBody::ConversationUpdated(ConversationChange::Deleted))
    }

    fn event(seq: u64, body: EventBody) -> Arc<Event> {
        let conversation_id = "0190a000-0000-7000-8000-000000000000".parse().unwrap();
        Arc::new(Event { conversation_id, seq, body })
    }

    async fn next_events(subscription: &mut Subscription) -> Vec<Arc<Event>> {
        match expect_soon(subscription.next()).await {
            Update::Events(events) => events,
            lost @ Update::Gap { .. } => panic!("{lost:?}"),
        }
    }

    fn describe_all(events: &[Arc<Event>]) -> Vec<String> {
        events.iter().map(|event| describe(&event.body)).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn past_events_are_replayed_and_new_ones_follow_exactly_once() {
        let test = TestChat::new().await;
        let request = test.ask(QUESTION).await;
        request.send_text("one ").await;
        request.send_text("two ").await;
        settle().await;

        let mut subscription =
            test.chat.events.subscribe(test.user_id, test.id, Some(0)).await.unwrap();
        let mut told = describe_all(&next_events(&mut subscription).await);
        for text in ["three ", "four"] {
            request.send_text(text).await;
            told.extend(describe_all(&next_events(&mut subscription).await));
        }
        request.finish(FinishReason::Stop).await;
        settle().await;
        told.extend(describe_all(&next_events(&mut subscription).await));

        assert!(subscription.recovered());
        assert_eq!(
            told,
            [
                "accepted: 2 + 2 = 4",
                "title: 2 + 2 = 4",
                "chunk: one two ",
                "chunk: three ",
                "chunk: four",
                "end: Stop, Complete",
                "usage: 18",
            ]
        );
        assert_eq!(subscription.event_seq(), test.events().await.last().unwrap().seq);
        assert!(subscription.next().now_or_never().is_none(), "there is nothing left to tell");
    }

    #[tokio::test(start_paused = true)]
    async fn a_subscriber_without_a_number_gets_events_from_now_on() {
        let test = TestChat::new().await;
        test.ask_and_answer(QUESTION, ANSWER).await;

        let mut subscription =
            test.chat.events.subscribe(test.user_id, test.id, None).await.unwrap();
        test.send("What else?").await.unwrap();

        assert!(subscription.recovered());
        let told = describe_all(&next_events(&mut subscription).await);
        assert_eq!(told.first().unwrap(), "accepted: What else?");
    }

    #[tokio::test(start_paused = true)]
    async fn a_subscriber_after_an_unknown_number_continues_from_the_newest() {
        let test = TestChat::new().await;
        test.ask_and_answer(QUESTION, ANSWER).await;
        let newest = test.events().await.last().unwrap().seq;

        let mut subscription =
            test.chat.events.subscribe(test.user_id, test.id, Some(newest + 7)).await.unwrap();
        test.send("What else?").await.unwrap();

        assert!(!subscription.recovered());
        assert_eq!(subscription.event_seq(), newest);
        let told = describe_all(&next_events(&mut subscription).await);
        assert_eq!(told.first().unwrap(), "accepted: What else?");
    }

    #[tokio::test(start_paused = true)]
    async fn another_user_cannot_subscribe() {
        let test = TestChat::new().await;

        let refused = test.chat.events.subscribe(UserId::generate(), test.id, None).await;

        assert!(matches!(refused, Err(ChatError::ConversationNotFound)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_subscriber_that_fell_behind_the_log_gets_a_gap_and_continues() {
        let test = TestChat::new().await;
        let log = Arc::clone(&test.chat.core.ports.log);
        let say = |text| {
            log.append(
                test.id,
                EventId::generate(),
                chunk(0, TurnId::generate(), text).body.clone(),
            )
        };
        let first = say("first").await.unwrap().seq;
        let mut subscription =
            test.chat.events.subscribe(test.user_id, test.id, Some(first)).await.unwrap();

        let mut newest = first;
        for _ in 0..2_000 {
            newest = say("missed").await.unwrap().seq;
        }
        let lost = subscription.next().await;
        say("seen").await.unwrap();
        let seen = next_events(&mut subscription).await;

        assert_eq!(lost, Update::Gap { event_seq: newest });
        assert_eq!(describe_all(&seen), ["chunk: seen"]);
        assert_eq!(subscription.event_seq(), seen[0].seq);
    }

    #[tokio::test(start_paused = true)]
    async fn a_subscriber_far_behind_gets_a_long_answer_in_several_updates() {
        let test = TestChat::new().await;
        let (log, turn_id) = (&test.chat.core.ports.log, TurnId::generate());
        let mut subscription =
            test.chat.events.subscribe(test.user_id, test.id, Some(0)).await.unwrap();
        let parts = [
            "x".repeat(MAX_UPDATE_BYTES / 2),
            "y".repeat(MAX_UPDATE_BYTES / 2),
            "z".repeat(2 * MAX_UPDATE_BYTES),
        ];
        for part in &parts {
            let body = chunk(0, turn_id, part).body.clone();
            log.append(test.id, EventId::generate(), body).await.unwrap();
        }

        let first = next_events(&mut subscription).await;
        let rest = next_events(&mut subscription).await;

        assert_eq!(text_of(&first, turn_id), parts[..2].concat());
        assert_eq!((first.len(), text_of(&rest, turn_id)), (1, parts[2].clone()));
    }

    #[test]
    fn adjacent_chunks_merge_into_one_with_the_last_number() {
        let (one, other) = (TurnId::generate(), TurnId::generate());
        let events = [
            chunk(1, one, "a"),
            chunk(2, one, "b"),
            chunk(3, other, "c"),
            chunk(4, one, "d"),
            deleted(5),
            chunk(6, one, "e"),
            chunk(8, one, "f"),
            chunk(9, one, "g"),
        ];

        let merged = merge_chunks(&events);

        assert_eq!(
            merged,
            [
                chunk(2, one, "ab"),
                chunk(3, other, "c"),
                chunk(4, one, "d"),
                deleted(5),
                chunk(9, one, "efg"),
            ]
        );
    }

    /// Chunks of three turns, and events that are no chunks.
    fn events() -> impl Strategy<Value = Vec<Arc<Event>>> {
        let turns = [(); 3].map(|()| TurnId::generate());
        proptest::collection::vec((0..4_usize, "[a-zé潮]{1,3}"), 0..40).prop_map(move |told| {
            (1..)
                .zip(told)
                .map(|(seq, (turn, text))| {
                    turns.get(turn).map_or_else(|| deleted(seq), |turn| chunk(seq, *turn, &text))
                })
                .collect()
        })
    }

    fn text_of(events: &[Arc<Event>], turn: TurnId) -> String {
        let chunks = events.iter().filter_map(|event| match &event.body {
            EventBody::ResponseChunk(chunk) if chunk.turn_id == turn => Some(chunk.chunk.as_str()),
            _ => None,
        });
        chunks.collect()
    }

    fn others(events: &[Arc<Event>]) -> Vec<&Arc<Event>> {
        events.iter().filter(|event| chunk_turn(event).is_none()).collect()
    }

    proptest! {
        #[test]
        fn merging_changes_no_text_and_no_other_event(events in events()) {
            let merged = merge_chunks(&events);

            for turn in events.iter().filter_map(|event| chunk_turn(event)) {
                prop_assert_eq!(text_of(&merged, turn), text_of(&events, turn));
            }
            prop_assert_eq!(others(&merged), others(&events));
            prop_assert!(merged.is_sorted_by(|one, next| one.seq < next.seq));
            let seq_of_last = |events: &[Arc<Event>]| events.last().map(|event| event.seq);
            prop_assert_eq!(seq_of_last(&merged), seq_of_last(&events));
        }
    }
}
