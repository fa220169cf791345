use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use webchat_domain::{ConversationId, EventBody, EventId};
use webchat_persistence::TurnLog;

use crate::fault::cause;

/// How long is waited before an event is told again, growing from the first to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Tells the events of one turn in order. A log that is away or slow holds up no answer: what could
/// not be told yet waits here, as one chunk where it is one text, and takes no more memory than that.
pub(crate) struct EventPublisher {
    log: Arc<dyn TurnLog>,
    conversation_id: ConversationId,
    pending: Mutex<Pending>,
    has_news: Notify,
    has_finished: CancellationToken,
}

#[derive(Default)]
struct Pending {
    events: VecDeque<EventBody>,
    closed: bool,
}

impl EventPublisher {
    pub(crate) fn new(log: Arc<dyn TurnLog>, conversation_id: ConversationId) -> Self {
        Self {
            log,
            conversation_id,
            pending: Mutex::default(),
            has_news: Notify::new(),
            has_finished: CancellationToken::new(),
        }
    }

    pub(crate) fn tell(&self, body: EventBody) {
        let mut pending = self.lock();
        match (pending.events.back_mut(), body) {
            (Some(EventBody::ResponseChunk(last)), EventBody::ResponseChunk(next)) => {
                last.chunk.push_str(&next.chunk);
            }
            (_, body) => pending.events.push_back(body),
        }
        self.has_news.notify_one();
    }

    /// Nothing more will be told.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.has_news.notify_one();
    }

    /// Tells what there is, until all is told and nothing more will come. While the log is away, it
    /// is tried again and again, unless `give_up` is cancelled. `false`: it was given up.
    pub(crate) async fn run(&self, give_up: &CancellationToken) -> bool {
        let _finishing = self.has_finished.clone().drop_guard();
        while let Some(body) = self.next().await {
            tokio::select! {
                biased;
                () = self.insist(body) => {}
                () = give_up_waiting(give_up) => return false,
            }
        }
        true
    }

    /// Returns when all is told, or given up.
    pub(crate) async fn finished(&self) {
        self.has_finished.cancelled().await;
    }

    async fn next(&self) -> Option<EventBody> {
        loop {
            {
                let mut pending = self.lock();
                if let Some(body) = pending.events.pop_front() {
                    return Some(body);
                }
                if pending.closed {
                    return None;
                }
            }
            self.has_news.notified().await;
        }
    }

    async fn insist(&self, body: EventBody) {
        let event_id = event_id(&body);
        let mut wait = FIRST_WAIT;
        while let Err(error) = self.log.append(self.conversation_id, event_id, body.clone()).await {
            tracing::warn!(
                conversation_id = %self.conversation_id,
                event = body.name(),
                error = cause(&error),
                "not told yet"
            );
            sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The events of a turn that is cut off are tried a last time for as long as the first waits take.
async fn give_up_waiting(give_up: &CancellationToken) {
    give_up.cancelled().await;
    sleep(LONGEST_WAIT).await;
}

/// The end of a turn may be told by who runs it and by who takes it for dead: it is told once.
pub(crate) fn event_id(body: &EventBody) -> EventId {
    match body {
        EventBody::ResponseEnd(end) => EventId::once_in(end.turn_id, body.name()),
        EventBody::TokenUsage(usage) => EventId::once_in(usage.turn_id, body.name()),
        _ => EventId::generate(),
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
    use crate::testing::{ANSWER, QUESTION, Room, in_short, settle};

    /// A room whose log can be taken away, and what was told there.
    struct Outage {
        room: Room,
        log: Arc<Log>,
    }

    #[derive(Default)]
    struct Log {
        is_away: AtomicBool,
        told: Mutex<Vec<String>>,
        ids_of_failed: Mutex<HashSet<EventId>>,
    }

    impl Log {
        fn append(
            &self,
            conversation_id: ConversationId,
            event_id: EventId,
            body: EventBody,
        ) -> Result<Arc<Event>, StoreError> {
            if self.is_away.load(Ordering::SeqCst) {
                self.ids_of_failed.lock().unwrap().insert(event_id);
                return Err(StoreError::unavailable("gone"));
            }
            self.told.lock().unwrap().push(in_short(&body));
            Ok(Arc::new(Event { conversation_id, seq: 1, body }))
        }
    }

    impl Outage {
        async fn open() -> Self {
            let log = Arc::new(Log::default());
            let shared = Arc::clone(&log);
            let mut port = MockTurnLog::new();
            port.expect_checkpoint()
                .returning(|_| Ok(Checkpoint { seq: 0, latest: 0, running_turn: None }));
            port.expect_append().returning(move |id, event, body| shared.append(id, event, body));
            let room = Room::open().await.on(|ports| ports.log = Arc::new(port));
            Self { room, log }
        }

        fn begin(&self) {
            self.log.is_away.store(true, Ordering::SeqCst);
        }

        fn end(&self) {
            self.log.is_away.store(false, Ordering::SeqCst);
        }

        fn told_of_the_answer(&self) -> Vec<String> {
            self.log.told.lock().unwrap()[2..].to_vec()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_made_while_the_log_is_away_is_stored_and_told_when_it_is_back() {
        let outage = Outage::open().await;
        let asked = outage.room.ask(QUESTION).await;
        outage.begin();

        asked.say("anti").await;
        settle().await;
        asked.say("disestablish").await;
        asked.say("mentarianism").await;
        asked.finish(FinishReason::Stop).await;
        sleep(Duration::from_secs(30)).await;
        let stored = outage.room.last_stored().await;
        let told_meanwhile = outage.told_of_the_answer();
        outage.end();
        sleep(LONGEST_WAIT).await;

        assert_eq!((stored.content.as_str(), stored.status), (ANSWER, MessageStatus::Complete));
        assert_eq!(told_meanwhile, [""; 0]);
        assert_eq!(
            outage.told_of_the_answer(),
            ["chunk: anti", "chunk: disestablishmentarianism", "end: Stop, Complete", "usage: 20"]
        );
        let ids = outage.log.ids_of_failed.lock().unwrap();
        assert_eq!(ids.len(), 1, "the first event was tried again under its own id");
    }

    #[tokio::test(start_paused = true)]
    async fn who_can_not_tell_the_end_of_an_answer_yet_is_not_taken_for_dead() {
        let outage = Outage::open().await;
        let (room, other) = (&outage.room, outage.room.another_instance());
        let asked = room.ask(QUESTION).await;
        outage.begin();

        asked.say(ANSWER).await;
        asked.finish(FinishReason::Stop).await;
        for _ in 0..30 {
            room.wait(Duration::from_secs(1)).await;
        }
        outage.end();
        other.turns.recover_abandoned_turns().await.unwrap();
        let told_by_the_other = outage.told_of_the_answer();
        room.wait(LONGEST_WAIT).await;
        let told = outage.told_of_the_answer();
        room.wait(Duration::from_mins(1)).await;
        other.turns.recover_abandoned_turns().await.unwrap();

        assert_eq!(told_by_the_other, [""; 0]);
        assert_eq!(told.last().unwrap(), "usage: 20");
        assert_eq!(outage.told_of_the_answer(), told, "what is told is forgotten");
    }

    #[tokio::test(start_paused = true)]
    async fn shutdown_does_not_wait_for_a_log_that_is_away() {
        let outage = Outage::open().await;
        let asked = outage.room.ask(QUESTION).await;
        outage.begin();
        asked.say(ANSWER).await;
        let began = Instant::now();

        outage.room.chat.shutdown(Duration::from_secs(1)).await;

        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        let answer = outage.room.last_stored().await;
        assert_eq!((answer.content.as_str(), answer.status), (ANSWER, MessageStatus::Interrupted));
    }
}
