use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::time::Instant;
use webchat_domain::{Event, EventId, FinishReason, MessageStatus};
use webchat_persistence::{Checkpoint, MockTurnLog, StoreError};

use super::pace::{MIN_INTERVAL, SLOWEST_INTERVAL};
use super::*;
use crate::testing::{ANSWER, QUESTION, TestChat, describe, settle};

/// A chat whose turn log can become unavailable.
struct Outage {
    test: TestChat,
    log: Arc<Log>,
}

#[derive(Default)]
struct Log {
    is_unavailable: AtomicBool,
    published: Mutex<Vec<String>>,
    failed_ids: Mutex<HashSet<EventId>>,
}

impl Log {
    fn append(
        &self,
        conversation_id: ConversationId,
        events: Vec<NewEvent>,
    ) -> Result<Vec<Arc<Event>>, StoreError> {
        if self.is_unavailable.load(Ordering::SeqCst) {
            self.failed_ids.lock().unwrap().extend(events.iter().map(|event| event.event_id));
            return Err(StoreError::unavailable("the log is unavailable"));
        }
        let publish = |NewEvent { body, .. }| {
            self.published.lock().unwrap().push(describe(&body));
            Arc::new(Event { conversation_id, seq: 1, body })
        };
        Ok(events.into_iter().map(publish).collect())
    }
}

impl Outage {
    async fn new() -> Self {
        let log = Arc::new(Log::default());
        let shared = Arc::clone(&log);
        let mut port = MockTurnLog::new();
        port.expect_checkpoint()
            .returning(|_| Ok(Checkpoint { seq: 0, latest: 0, running_turn: None }));
        port.expect_append().returning(move |id, events| shared.append(id, events));
        let test = TestChat::new().await.with_ports(|ports| ports.log = Arc::new(port));
        Self { test, log }
    }

    fn begin(&self) {
        self.log.is_unavailable.store(true, Ordering::SeqCst);
    }

    fn end(&self) {
        self.log.is_unavailable.store(false, Ordering::SeqCst);
    }

    fn published_answer_events(&self) -> Vec<String> {
        self.log.published.lock().unwrap()[2..].to_vec()
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_generated_during_an_outage_of_the_log_is_published_afterwards() {
    let outage = Outage::new().await;
    let request = outage.test.ask(QUESTION).await;
    outage.begin();

    request.send_text("anti").await;
    settle().await;
    request.send_text("disestablish").await;
    request.send_text("mentarianism").await;
    request.finish(FinishReason::Stop).await;
    sleep(Duration::from_secs(30)).await;
    let stored = outage.test.last_message().await;
    let published_meanwhile = outage.published_answer_events();
    outage.end();
    sleep(MAX_BACKOFF).await;

    assert_eq!((stored.content.as_str(), stored.status), (ANSWER, MessageStatus::Complete));
    assert_eq!(published_meanwhile, [""; 0]);
    assert_eq!(
        outage.published_answer_events(),
        ["chunk: anti", "chunk: disestablishmentarianism", "end: Stop, Complete", "usage: 20"]
    );
    let ids = outage.log.failed_ids.lock().unwrap();
    assert_eq!(ids.len(), 1, "the retries of the first event used different ids");
}

#[tokio::test(start_paused = true)]
async fn a_turn_whose_end_is_not_published_yet_is_not_abandoned() {
    let outage = Outage::new().await;
    let (test, other) = (&outage.test, outage.test.another_instance());
    let request = test.ask(QUESTION).await;
    outage.begin();

    request.send_text(ANSWER).await;
    request.finish(FinishReason::Stop).await;
    for _ in 0..30 {
        test.advance(Duration::from_secs(1)).await;
    }
    outage.end();
    other.turns.recover_abandoned_turns().await.unwrap();
    let published_by_other = outage.published_answer_events();
    test.advance(MAX_BACKOFF).await;
    let published = outage.published_answer_events();
    test.advance(Duration::from_mins(1)).await;
    other.turns.recover_abandoned_turns().await.unwrap();

    assert_eq!(published_by_other, [""; 0]);
    assert_eq!(published.last().unwrap(), "usage: 20");
    assert_eq!(outage.published_answer_events(), published, "a published turn was recovered");
}

#[tokio::test(start_paused = true)]
async fn the_chunks_of_a_fast_model_are_merged() {
    let outage = Outage::new().await;
    let request = outage.test.ask(QUESTION).await;

    for _ in 0..10_000 {
        request.send_text("x").await;
        tokio::task::yield_now().await;
    }
    request.finish(FinishReason::Stop).await;
    sleep(SLOWEST_INTERVAL).await;

    let published = outage.published_answer_events();
    let chunks: Vec<_> =
        published.iter().filter_map(|event| event.strip_prefix("chunk: ")).collect();
    assert_eq!(chunks.concat(), "x".repeat(10_000));
    assert!(chunks.len() < 100, "{} chunks", chunks.len());
    assert_eq!(chunks[0], "x", "the first chunk was delayed");
}

#[tokio::test(start_paused = true)]
async fn a_long_answer_of_short_chunks_is_published_in_a_bounded_number_of_events() {
    let log = Arc::new(Log::default());
    let shared = Arc::clone(&log);
    let mut port = MockTurnLog::new();
    port.expect_append().returning(move |id, events| shared.append(id, events));
    let publisher =
        EventPublisher::new(Arc::new(port), &Publishers::default(), ConversationId::generate(), 0);
    let (abort, turn_id) = (CancellationToken::new(), webchat_domain::TurnId::generate());
    let chunks = async {
        for _ in 0..100_000 {
            let chunk = "x".to_owned();
            let body = webchat_domain::ResponseChunk { chunk, turn_id };
            publisher.publish(EventBody::ResponseChunk(body));
            sleep(MIN_INTERVAL).await;
        }
        publisher.close();
    };

    let ((), is_published) = tokio::join!(chunks, publisher.run(&abort, None));

    assert!(is_published);
    let events = log.published.lock().unwrap();
    assert!(events.len() < 20_000, "{} events", events.len());
    let text: usize = events.iter().map(|event| event.len() - "chunk: ".len()).sum();
    assert_eq!(text, 100_000);
}

#[tokio::test(start_paused = true)]
async fn chunks_of_a_steady_model_are_not_merged() {
    let outage = Outage::new().await;
    let request = outage.test.ask(QUESTION).await;

    for chunk in 0..400_u64 {
        request.send_text("x").await;
        // 5 ms on average: every other chunk is early.
        sleep(Duration::from_millis(4 + chunk % 2 * 2)).await;
    }
    request.finish(FinishReason::Stop).await;
    settle().await;

    let published = outage.published_answer_events();
    let chunks = published.iter().filter(|event| *event == "chunk: x").count();
    assert!(chunks >= 398, "{chunks}");
}

#[tokio::test(start_paused = true)]
async fn shutdown_does_not_wait_for_an_unavailable_log() {
    let outage = Outage::new().await;
    let request = outage.test.ask(QUESTION).await;
    outage.begin();
    request.send_text(ANSWER).await;
    let started_at = Instant::now();

    outage.test.chat.shutdown(Duration::from_secs(1)).await;

    assert!(started_at.elapsed() < Duration::from_secs(5), "{:?}", started_at.elapsed());
    let answer = outage.test.last_message().await;
    assert_eq!((answer.content.as_str(), answer.status), (ANSWER, MessageStatus::Interrupted));
}
