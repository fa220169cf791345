//! Publishes the events of one turn in order, and retries while the log is unavailable.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use webchat_domain::{ConversationId, EventBody, EventId};
use webchat_persistence::rules::MAX_APPENDED_EVENTS;
use webchat_persistence::{GaugeGuard, NewEvent, TurnLog};

use crate::metrics::{Gauge, Timing, count_publish_retry};
use crate::runtime::error_chain::error_chain;
use crate::turns::first_text::FirstTextTimer;

/// The first backoff after a failed attempt to publish an event.
const MIN_BACKOFF: Duration = Duration::from_millis(100);

/// The maximum backoff between attempts to publish an event.
const MAX_BACKOFF: Duration = Duration::from_secs(2);

/// The number of chunks that are published as soon as they arrive.
const PROMPT_CHUNKS: u32 = 64;

/// The number of chunks after which a turn publishes at most one chunk per [`RARE_CHUNK_INTERVAL`]. Together with
/// the bound on the text, this bounds the memory of the log for a turn.
const FREQUENT_CHUNKS: u32 = 16 * 1024;

/// The minimum time between two chunks after the first [`PROMPT_CHUNKS`]. Chunks that arrive in the meantime are
/// merged.
const CHUNK_INTERVAL: Duration = Duration::from_millis(20);
const RARE_CHUNK_INTERVAL: Duration = Duration::from_secs(1);

/// Publishes the events of one turn in order. A slow or unavailable log never delays the answer: pending events are
/// queued here, and adjacent chunks are merged, so that the queue takes little more memory than the text. A fast
/// model can't flood the log either, because its chunks are merged.
pub(crate) struct EventPublisher {
    log: Arc<dyn TurnLog>,
    conversation_id: ConversationId,
    /// The sequence number of the turn's acceptance. None of its events was published before, unless another instance
    /// has already ended the turn.
    after: u64,
    pending: Mutex<Pending>,
    wake: Notify,
    closed: CancellationToken,
    /// Cancelled when [`EventPublisher::run`] has ended.
    finished: CancellationToken,
}

#[derive(Default)]
struct Pending {
    events: VecDeque<(EventBody, GaugeGuard)>,
    is_closed: bool,
}

impl EventPublisher {
    /// Creates a publisher of events that can only be in the log after the sequence number `after`; 0 if it is unknown.
    pub(crate) fn new(log: Arc<dyn TurnLog>, conversation_id: ConversationId, after: u64) -> Self {
        Self {
            log,
            conversation_id,
            after,
            pending: Mutex::default(),
            wake: Notify::new(),
            closed: CancellationToken::new(),
            finished: CancellationToken::new(),
        }
    }

    /// Queues an event.
    pub(crate) fn publish(&self, body: EventBody) {
        let mut pending = self.lock();
        match (pending.events.back_mut(), body) {
            (Some((EventBody::ResponseChunk(last), _)), EventBody::ResponseChunk(next)) => {
                last.chunk.push_str(&next.chunk);
            }
            (_, body) => pending.events.push_back((body, Gauge::PendingEvents.count())),
        }
        self.wake.notify_one();
    }

    /// Closes the queue: no more events will be added.
    pub(crate) fn close(&self) {
        self.lock().is_closed = true;
        self.closed.cancel();
        self.wake.notify_one();
    }

    /// Publishes pending events until the queue is closed and empty. When `abort` is cancelled, stops after a grace
    /// period. Returns whether all events were published. The timer ends when the first chunk is published.
    pub(crate) async fn run(
        &self,
        abort: &CancellationToken,
        timer: Option<&FirstTextTimer>,
    ) -> bool {
        let _finish_on_drop = self.finished.clone().drop_guard();
        let (mut chunks, mut newest) = (0_u32, self.after);
        while let Some(pending) = self.next().await {
            let has_chunk =
                pending.iter().any(|(body, _)| matches!(body, EventBody::ResponseChunk(_)));
            let (bodies, counted): (Vec<_>, Vec<_>) = pending.into_iter().unzip();
            let publication = self.publish_with_retry(bodies, newest);
            newest = tokio::select! {
                biased;
                newest = Timing::EventPublish.measure(publication) => newest,
                () = abort_grace(abort) => return false,
            };
            drop(counted);
            if has_chunk {
                if chunks == 0 {
                    timer.inspect(|timer| timer.end());
                }
                chunks = chunks.saturating_add(1);
                self.wait_after_chunk(chunks).await;
            }
        }
        true
    }

    /// Returns when [`EventPublisher::run`] has ended.
    pub(crate) async fn finished(&self) {
        self.finished.cancelled().await;
    }

    /// Waits after this many chunks until the next one may be published, or until the queue is closed.
    async fn wait_after_chunk(&self, chunks: u32) {
        let interval = match chunks {
            0..PROMPT_CHUNKS => return,
            PROMPT_CHUNKS..FREQUENT_CHUNKS => CHUNK_INTERVAL,
            FREQUENT_CHUNKS.. => RARE_CHUNK_INTERVAL,
        };
        timeout(interval, self.closed.cancelled()).await.ok();
    }

    /// Returns the pending events, as many as can be appended at a time. `None` if there will be no more.
    async fn next(&self) -> Option<Vec<(EventBody, GaugeGuard)>> {
        loop {
            {
                let mut pending = self.lock();
                if !pending.events.is_empty() {
                    let count = pending.events.len().min(MAX_APPENDED_EVENTS);
                    return Some(pending.events.drain(..count).collect());
                }
                if pending.is_closed {
                    return None;
                }
            }
            self.wake.notified().await;
        }
    }

    /// Retries without a limit, always with the same event ids: if the result of an attempt is lost, the retry
    /// does not publish the events twice. `backon` sleeps on Tokio's clock, which tests can pause. Returns the sequence
    /// number of the last event; that of the last one published before is `newest`.
    async fn publish_with_retry(&self, bodies: Vec<EventBody>, newest: u64) -> u64 {
        let events: Vec<_> = bodies.into_iter().map(|body| self.new_event(body, newest)).collect();
        let append = || self.log.append(self.conversation_id, events.clone());
        let backoff = ExponentialBuilder::new()
            .with_min_delay(MIN_BACKOFF)
            .with_max_delay(MAX_BACKOFF)
            .without_max_times();
        let publication = append.retry(backoff).notify(|error, _| {
            count_publish_retry();
            tracing::warn!(
                conversation_id = %self.conversation_id,
                events = events.len(),
                error = error_chain(error),
                "failed to publish events, retrying"
            );
        });
        let last = publication.await.ok().and_then(|published| published.last().cloned());
        last.map_or(newest, |last| last.seq)
    }

    /// An event with a generated id can only be in the log after the `newest` one, which was published before the id was
    /// generated. Another instance may have published an event with a derived id earlier.
    fn new_event(&self, body: EventBody, newest: u64) -> NewEvent {
        match once_per_turn_id(&body) {
            Some(event_id) => NewEvent { event_id, duplicates_after: self.after, body },
            None => NewEvent { event_id: EventId::generate(), duplicates_after: newest, body },
        }
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for the abort and then for the longest backoff, so that the event is retried at least once more.
async fn abort_grace(abort: &CancellationToken) {
    abort.cancelled().await;
    sleep(MAX_BACKOFF).await;
}

/// Returns the id under which an event is published.
pub(crate) fn event_id(body: &EventBody) -> EventId {
    once_per_turn_id(body).unwrap_or_else(EventId::generate)
}

/// Returns the id of a turn's end. It is derived from the turn's id, because the instance that runs the turn and one that
/// considers it abandoned may both publish the end.
fn once_per_turn_id(body: &EventBody) -> Option<EventId> {
    match body {
        EventBody::ResponseEnd(end) => Some(EventId::once_per_turn(end.turn_id, body.name())),
        EventBody::TokenUsage(usage) => Some(EventId::once_per_turn(usage.turn_id, body.name())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::atomic::{AtomicBool, Ordering};

    use tokio::time::Instant;
    use webchat_domain::{Event, EventId, FinishReason, MessageStatus};
    use webchat_persistence::{Checkpoint, MockTurnLog, StoreError};

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
        sleep(RARE_CHUNK_INTERVAL).await;

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
        let publisher = EventPublisher::new(Arc::new(port), ConversationId::generate(), 0);
        let (abort, turn_id) = (CancellationToken::new(), webchat_domain::TurnId::generate());
        let chunks = async {
            for _ in 0..100_000 {
                let chunk = "x".to_owned();
                let body = webchat_domain::ResponseChunk { chunk, turn_id };
                publisher.publish(EventBody::ResponseChunk(body));
                sleep(CHUNK_INTERVAL).await;
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
}
