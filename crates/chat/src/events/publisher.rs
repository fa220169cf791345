//! Publishes the events of one turn in order, and retries while the log is unavailable.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout_at};
use tokio_util::sync::CancellationToken;
use webchat_domain::{ConversationId, EventBody, EventId, error_chain};
use webchat_persistence::rules::MAX_APPENDED_EVENTS;
use webchat_persistence::{GaugeGuard, NewEvent, TurnLog};

use self::pace::Pace;
pub(crate) use self::pace::Publishers;
use crate::metrics::{Gauge, Timing, count_publish_retry};
use crate::turns::first_text::FirstTextTimer;

mod pace;

/// The first backoff after a failed attempt to publish an event.
const MIN_BACKOFF: Duration = Duration::from_millis(100);

/// The maximum backoff between attempts to publish an event.
const MAX_BACKOFF: Duration = Duration::from_secs(2);

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
    publishers: Publishers,
}

#[derive(Default)]
struct Pending {
    events: VecDeque<(EventBody, GaugeGuard)>,
    is_closed: bool,
}

impl EventPublisher {
    /// Creates a publisher of events that can only be in the log after the sequence number `after`; 0 if it is unknown.
    pub(crate) fn new(
        log: Arc<dyn TurnLog>,
        publishers: &Publishers,
        conversation_id: ConversationId,
        after: u64,
    ) -> Self {
        Self {
            log,
            conversation_id,
            after,
            pending: Mutex::default(),
            wake: Notify::new(),
            closed: CancellationToken::new(),
            finished: CancellationToken::new(),
            publishers: publishers.clone(),
        }
    }

    /// Queues an event.
    pub(crate) fn publish(&self, body: EventBody) {
        let mut pending = self.lock();
        let is_merged = pending.events.back_mut().is_some_and(|(last, _)| last.append(&body));
        if !is_merged {
            pending.events.push_back((body, Gauge::PendingEvents.count()));
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
    /// period. Returns whether all events were published. The timer ends when the first text is published.
    pub(crate) async fn run(
        &self,
        abort: &CancellationToken,
        mut timer: Option<&FirstTextTimer>,
    ) -> bool {
        let _finish_on_drop = self.finished.clone().drop_guard();
        let (mut pace, mut newest) = (Pace::new(&self.publishers), self.after);
        while let Some(pending) = self.next().await {
            let has_text =
                pending.iter().any(|(body, _)| matches!(body, EventBody::ResponseChunk(_)));
            let has_chunk = pending.iter().any(|(body, _)| body.chunk_text().is_some());
            let (bodies, counted): (Vec<_>, Vec<_>) = pending.into_iter().unzip();
            let publication = self.publish_with_retry(bodies, newest);
            newest = tokio::select! {
                biased;
                newest = Timing::EventPublish.measure(publication) => newest,
                () = abort_grace(abort) => return false,
            };
            drop(counted);
            if has_text {
                timer.take().inspect(|timer| timer.end());
            }
            if has_chunk {
                let due = pace.next_due();
                timeout_at(due, self.closed.cancelled()).await.ok();
            }
        }
        true
    }

    /// Returns when [`EventPublisher::run`] has ended.
    pub(crate) async fn finished(&self) {
        self.finished.cancelled().await;
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
mod tests;
