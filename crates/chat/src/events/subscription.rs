//! A client's subscription to the events of one conversation.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use webchat_domain::{ConversationId, Event, error_chain};
use webchat_persistence::{Replay, StoreError, TurnLog};

use super::merge::{merge_chunks, take_update};

/// The interval between attempts to read the log after a failure.
const READ_RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// A subscription to the events of one conversation, read at the subscriber's pace.
pub struct Subscription {
    log: Arc<dyn TurnLog>,
    conversation_id: ConversationId,
    event_seq: u64,
    recovered: bool,
}

/// An update that a subscriber receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Update {
    /// At least one event. Adjacent chunks of an answer are merged into one.
    Events(Vec<Arc<Event>>),
    /// The log no longer has the next events: the client should read the messages again. The subscription
    /// continues after `event_seq`.
    Gap {
        /// The sequence number of the newest event; 0 if there is none.
        event_seq: u64,
    },
}

impl Subscription {
    /// Opens a subscription to the events after the sequence number `after`, or only to new events if it is `None`.
    pub(crate) async fn open(
        log: Arc<dyn TurnLog>,
        conversation_id: ConversationId,
        after: Option<u64>,
    ) -> Result<Self, StoreError> {
        let (event_seq, recovered) = match after {
            None => (log.checkpoint(conversation_id).await?.latest, true),
            Some(after) => match log.read(conversation_id, after).await? {
                Replay::Events(_) => (after, true),
                Replay::Gap { latest } => (latest, false),
            },
        };
        Ok(Self { log, conversation_id, event_seq, recovered })
    }

    /// Returns whether no event after the requested sequence number was missing when the subscription was opened.
    #[must_use]
    pub fn recovered(&self) -> bool {
        self.recovered
    }

    /// Returns the sequence number after which the next events are delivered.
    #[must_use]
    pub fn event_seq(&self) -> u64 {
        self.event_seq
    }

    /// Waits for the next update. While the log can't be read, retries every second.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe.
    pub async fn next(&mut self) -> Update {
        loop {
            match self.wait_and_read().await {
                Ok(Some(update)) => return update,
                Ok(None) => {}
                Err(error) => {
                    let (id, error) = (self.conversation_id, error_chain(&error));
                    tracing::debug!(conversation_id = %id, error, "failed to read events");
                    sleep(READ_RETRY_INTERVAL).await;
                }
            }
        }
    }

    async fn wait_and_read(&mut self) -> Result<Option<Update>, StoreError> {
        self.log.wait(self.conversation_id, self.event_seq).await?;
        self.next_available().await
    }

    /// Returns the next update without waiting, or `None` if there is none yet. A long backlog is delivered
    /// in several updates.
    ///
    /// # Errors
    /// When the log can't be read.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe.
    pub async fn next_available(&mut self) -> Result<Option<Update>, StoreError> {
        let events = match self.log.read(self.conversation_id, self.event_seq).await? {
            Replay::Gap { latest } => {
                self.event_seq = latest;
                return Ok(Some(Update::Gap { event_seq: latest }));
            }
            Replay::Events(events) => events,
        };
        let events = take_update(&events);
        Ok(events.last().map(|newest| {
            self.event_seq = newest.seq;
            Update::Events(merge_chunks(events))
        }))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use webchat_domain::{EventBody, EventId, FinishReason, ResponseChunk, TurnId, UserId};

    use webchat_persistence::TurnLogExt;

    use super::*;
    use crate::ChatError;
    use crate::events::merge::MAX_UPDATE_BYTES;
    use crate::testing::{ANSWER, QUESTION, TestChat, describe, expect_soon, settle};

    fn chunk(turn_id: TurnId, text: &str) -> EventBody {
        EventBody::ResponseChunk(ResponseChunk { chunk: text.to_owned(), turn_id })
    }

    async fn next_events(subscription: &mut Subscription) -> Vec<Arc<Event>> {
        match expect_soon(subscription.next()).await {
            Update::Events(events) => events,
            gap @ Update::Gap { .. } => panic!("unexpected gap: {gap:?}"),
        }
    }

    fn describe_all(events: &[Arc<Event>]) -> Vec<String> {
        events.iter().map(|event| describe(&event.body)).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_subscription_delivers_past_and_new_events_exactly_once() {
        let test = TestChat::new().await;
        let request = test.ask(QUESTION).await;
        request.send_text("one ").await;
        request.send_text("two ").await;
        settle().await;

        let mut subscription =
            test.chat.events.subscribe(test.user_id, test.conversation_id, Some(0)).await.unwrap();
        let mut received = describe_all(&next_events(&mut subscription).await);
        for text in ["three ", "four"] {
            request.send_text(text).await;
            received.extend(describe_all(&next_events(&mut subscription).await));
        }
        request.finish(FinishReason::Stop).await;
        settle().await;
        received.extend(describe_all(&next_events(&mut subscription).await));

        assert!(subscription.recovered());
        assert_eq!(
            received,
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
        assert!(subscription.next().now_or_never().is_none(), "an unexpected event was delivered");
    }

    #[tokio::test(start_paused = true)]
    async fn a_subscription_without_a_sequence_number_delivers_only_new_events() {
        let test = TestChat::new().await;
        test.ask_and_answer(QUESTION, ANSWER).await;

        let mut subscription =
            test.chat.events.subscribe(test.user_id, test.conversation_id, None).await.unwrap();
        test.send("What else?").await.unwrap();

        assert!(subscription.recovered());
        let received = describe_all(&next_events(&mut subscription).await);
        assert_eq!(received.first().unwrap(), "accepted: What else?");
    }

    #[tokio::test(start_paused = true)]
    async fn a_subscription_after_an_unknown_sequence_number_continues_from_the_newest_event() {
        let test = TestChat::new().await;
        test.ask_and_answer(QUESTION, ANSWER).await;
        let newest = test.events().await.last().unwrap().seq;

        let mut subscription = test
            .chat
            .events
            .subscribe(test.user_id, test.conversation_id, Some(newest + 7))
            .await
            .unwrap();
        test.send("What else?").await.unwrap();

        assert!(!subscription.recovered());
        assert_eq!(subscription.event_seq(), newest);
        let received = describe_all(&next_events(&mut subscription).await);
        assert_eq!(received.first().unwrap(), "accepted: What else?");
    }

    #[tokio::test(start_paused = true)]
    async fn another_user_cannot_subscribe() {
        let test = TestChat::new().await;

        let result =
            test.chat.events.subscribe(UserId::generate(), test.conversation_id, None).await;

        assert!(matches!(result, Err(ChatError::ConversationNotFound)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_subscriber_that_fell_behind_the_log_receives_a_gap_and_continues() {
        let test = TestChat::new().await;
        let log = Arc::clone(&test.chat.core.ports.log);
        let append = |text| {
            log.append_one(
                test.conversation_id,
                EventId::generate(),
                chunk(TurnId::generate(), text),
            )
        };
        let first = append("first").await.unwrap().seq;
        let mut subscription = test
            .chat
            .events
            .subscribe(test.user_id, test.conversation_id, Some(first))
            .await
            .unwrap();

        let mut newest = first;
        for _ in 0..2_000 {
            newest = append("missed").await.unwrap().seq;
        }
        let gap = subscription.next().await;
        append("new").await.unwrap();
        let after_gap = next_events(&mut subscription).await;

        assert_eq!(gap, Update::Gap { event_seq: newest });
        assert_eq!(describe_all(&after_gap), ["chunk: new"]);
        assert_eq!(subscription.event_seq(), after_gap[0].seq);
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_backlog_is_delivered_in_several_updates() {
        let test = TestChat::new().await;
        let (log, turn_id) = (&test.chat.core.ports.log, TurnId::generate());
        let mut subscription =
            test.chat.events.subscribe(test.user_id, test.conversation_id, Some(0)).await.unwrap();
        let texts = [
            "x".repeat(MAX_UPDATE_BYTES / 2),
            "y".repeat(MAX_UPDATE_BYTES / 2),
            "z".repeat(2 * MAX_UPDATE_BYTES),
        ];
        for text in &texts {
            log.append_one(test.conversation_id, EventId::generate(), chunk(turn_id, text))
                .await
                .unwrap();
        }

        let first = next_events(&mut subscription).await;
        let rest = next_events(&mut subscription).await;

        assert_eq!(describe_all(&first), [format!("chunk: {}", texts[..2].concat())]);
        assert_eq!(describe_all(&rest), [format!("chunk: {}", texts[2])]);
    }
}
