use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use webchat_domain::{ConversationId, Event, EventBody, ResponseChunk, TurnId, UserId};
use webchat_persistence::{Replay, StoreError, TurnLog};

use crate::core::Core;
use crate::fault::cause;
use crate::{ChatError, Events};

/// How long a follower waits for a log that can't be read.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Bytes of text that a follower is told at a time: what waits for a slow one is no more than that.
const AT_ONCE: usize = 32 * 1024;

/// A client that follows the events of one conversation, at its own pace.
pub struct Subscription {
    log: Arc<dyn TurnLog>,
    conversation_id: ConversationId,
    reached: u64,
    recovered: bool,
}

/// What a follower gets next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Update {
    /// What happened since, at least one event, adjacent chunks of an answer as one.
    Events(Vec<Arc<Event>>),
    /// The follower is too far behind for the log: it should read the messages again. Events after
    /// this number follow.
    Gap {
        /// Where it goes on.
        event_seq: u64,
    },
}

impl Events {
    /// Follows what happens after the event `after`; without one, what happens from now on.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`], also when it is somebody else's.
    pub async fn subscribe(
        &self,
        user_id: UserId,
        id: ConversationId,
        after: Option<u64>,
    ) -> Result<Subscription, ChatError> {
        self.core.subscribe(user_id, id, after).await
    }
}

impl Core {
    pub(crate) async fn subscribe(
        &self,
        user_id: UserId,
        id: ConversationId,
        after: Option<u64>,
    ) -> Result<Subscription, ChatError> {
        self.find_conversation(user_id, id).await?;
        let log = Arc::clone(&self.ports.log);
        let (reached, recovered) = match after {
            None => (log.checkpoint(id).await?.latest, true),
            Some(after) => match log.read(id, after).await? {
                Replay::Complete(_) => (after, true),
                Replay::Gone { latest } => (latest, false),
            },
        };
        Ok(Subscription { log, conversation_id: id, reached, recovered })
    }
}

impl Subscription {
    /// Whether everything since the number that was asked for will come.
    #[must_use]
    pub fn recovered(&self) -> bool {
        self.recovered
    }

    /// The number that has been reached.
    #[must_use]
    pub fn event_seq(&self) -> u64 {
        self.reached
    }

    /// Waits for what happens next. While the log can't be read, it is tried again each second.
    ///
    /// # Cancellation
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Update {
        loop {
            match self.wait_and_read().await {
                Ok(Some(update)) => return update,
                Ok(None) => {}
                Err(error) => {
                    let id = self.conversation_id;
                    tracing::debug!(conversation_id = %id, error = cause(&error), "not update");
                    sleep(READ_AGAIN_AFTER).await;
                }
            }
        }
    }

    async fn wait_and_read(&mut self) -> Result<Option<Update>, StoreError> {
        self.log.wait(self.conversation_id, self.reached).await?;
        self.available().await
    }

    /// What happened until now, if anything did; where that is much, the first part of it.
    ///
    /// # Errors
    /// When the log can't be read.
    ///
    /// # Cancellation
    /// Dropping the future loses nothing.
    pub async fn available(&mut self) -> Result<Option<Update>, StoreError> {
        let events = match self.log.read(self.conversation_id, self.reached).await? {
            Replay::Gone { latest } => {
                self.reached = latest;
                return Ok(Some(Update::Gap { event_seq: latest }));
            }
            Replay::Complete(events) => events,
        };
        let events = first_part(&events);
        Ok(events.last().map(|newest| {
            self.reached = newest.seq;
            Update::Events(merge_chunks(events))
        }))
    }
}

/// As many of the first events as may be told at once, at least one.
fn first_part(events: &[Arc<Event>]) -> &[Arc<Event>] {
    let mut size = 0;
    let fits = |event: &&Arc<Event>| {
        size += text_len(event);
        size <= AT_ONCE
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

/// Adjacent chunks of one turn become one, with the last one's number.
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
    use crate::testing::{ANSWER, QUESTION, Room, in_short, settle, soon};

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
        match soon(subscription.next()).await {
            Update::Events(events) => events,
            lost @ Update::Gap { .. } => panic!("{lost:?}"),
        }
    }

    fn in_shorts(events: &[Arc<Event>]) -> Vec<String> {
        events.iter().map(|event| in_short(&event.body)).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn what_happened_is_replayed_and_what_happens_follows_once_each() {
        let room = Room::open().await;
        let asked = room.ask(QUESTION).await;
        asked.say("one ").await;
        asked.say("two ").await;
        settle().await;

        let mut subscription =
            room.chat.events.subscribe(room.user_id, room.id, Some(0)).await.unwrap();
        let mut told = in_shorts(&next_events(&mut subscription).await);
        for text in ["three ", "four"] {
            asked.say(text).await;
            told.extend(in_shorts(&next_events(&mut subscription).await));
        }
        asked.finish(FinishReason::Stop).await;
        settle().await;
        told.extend(in_shorts(&next_events(&mut subscription).await));

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
        assert_eq!(subscription.event_seq(), room.events().await.last().unwrap().seq);
        assert!(subscription.next().now_or_never().is_none(), "there is nothing left to tell");
    }

    #[tokio::test(start_paused = true)]
    async fn a_follower_without_a_number_gets_what_happens_from_now_on() {
        let room = Room::open().await;
        room.ask_and_answer(QUESTION, ANSWER).await;

        let mut subscription =
            room.chat.events.subscribe(room.user_id, room.id, None).await.unwrap();
        room.send("What else?").await.unwrap();

        assert!(subscription.recovered());
        let told = in_shorts(&next_events(&mut subscription).await);
        assert_eq!(told.first().unwrap(), "accepted: What else?");
    }

    #[tokio::test(start_paused = true)]
    async fn a_follower_from_a_number_the_log_does_not_know_goes_on_from_the_newest() {
        let room = Room::open().await;
        room.ask_and_answer(QUESTION, ANSWER).await;
        let newest = room.events().await.last().unwrap().seq;

        let mut subscription =
            room.chat.events.subscribe(room.user_id, room.id, Some(newest + 7)).await.unwrap();
        room.send("What else?").await.unwrap();

        assert!(!subscription.recovered());
        assert_eq!(subscription.event_seq(), newest);
        let told = in_shorts(&next_events(&mut subscription).await);
        assert_eq!(told.first().unwrap(), "accepted: What else?");
    }

    #[tokio::test(start_paused = true)]
    async fn a_stranger_follows_nothing() {
        let room = Room::open().await;

        let refused = room.chat.events.subscribe(UserId::generate(), room.id, None).await;

        assert!(matches!(refused, Err(ChatError::ConversationNotFound)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_follower_that_fell_behind_the_log_is_told_so_and_goes_on() {
        let room = Room::open().await;
        let log = Arc::clone(&room.chat.core.ports.log);
        let say = |text| {
            log.append(
                room.id,
                EventId::generate(),
                chunk(0, TurnId::generate(), text).body.clone(),
            )
        };
        let first = say("first").await.unwrap().seq;
        let mut subscription =
            room.chat.events.subscribe(room.user_id, room.id, Some(first)).await.unwrap();

        let mut newest = first;
        for _ in 0..2_000 {
            newest = say("missed").await.unwrap().seq;
        }
        let lost = subscription.next().await;
        say("seen").await.unwrap();
        let seen = next_events(&mut subscription).await;

        assert_eq!(lost, Update::Gap { event_seq: newest });
        assert_eq!(in_shorts(&seen), ["chunk: seen"]);
        assert_eq!(subscription.event_seq(), seen[0].seq);
    }

    #[tokio::test(start_paused = true)]
    async fn a_follower_far_behind_is_told_a_long_answer_in_parts() {
        let room = Room::open().await;
        let (log, turn_id) = (&room.chat.core.ports.log, TurnId::generate());
        let mut subscription =
            room.chat.events.subscribe(room.user_id, room.id, Some(0)).await.unwrap();
        let parts = ["x".repeat(AT_ONCE / 2), "y".repeat(AT_ONCE / 2), "z".repeat(2 * AT_ONCE)];
        for part in &parts {
            let body = chunk(0, turn_id, part).body.clone();
            log.append(room.id, EventId::generate(), body).await.unwrap();
        }

        let first = next_events(&mut subscription).await;
        let rest = next_events(&mut subscription).await;

        assert_eq!(text_of(&first, turn_id), parts[..2].concat());
        assert_eq!((first.len(), text_of(&rest, turn_id)), (1, parts[2].clone()));
    }

    #[test]
    fn adjacent_chunks_become_one_with_the_last_number() {
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
