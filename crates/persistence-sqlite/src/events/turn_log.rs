use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use rusqlite::{OptionalExtension, params};
use tokio::sync::watch;
use webchat_domain::{ConversationId, Event, EventBody, EventId, TurnId};
use webchat_persistence::{Checkpoint, Replay, StoreError, TurnLog};

use crate::database::Database;

/// Events kept of turns that have ended.
const KEPT_EVENTS: usize = 1_024;

/// How many events may come between two tellings of one.
const TOLD_AGAIN_WITHIN: usize = 16;

/// Numbers reserved at a time: one write for so many events.
const RESERVED_AT_ONCE: u64 = 1_024;

/// How long a conversation's events are kept when nobody writes or reads them.
const IDLE: Duration = Duration::from_mins(5);

/// The turn log in process memory, with its numbers reserved in the SQLite file.
pub struct SqliteTurnLog {
    database: Arc<Database>,
    topics: Mutex<Topics>,
}

struct Topics {
    by_conversation: HashMap<ConversationId, Arc<Topic>>,
    swept_at: Instant,
}

/// The events of one conversation, since this process first wrote one.
struct Topic {
    events: Mutex<Events>,
    latest: watch::Sender<u64>,
}

struct Events {
    kept: VecDeque<Arc<Event>>,
    /// Under which ids the newest were told, oldest first.
    told: VecDeque<(EventId, Arc<Event>)>,
    /// The number before the oldest that is kept: of what came up to it, nothing is known.
    before: u64,
    /// Whether `before` has been read from the file.
    has_begun: bool,
    numbers: Range<u64>,
    running: Option<RunningTurn>,
    used_at: Instant,
}

#[derive(Clone, Copy)]
struct RunningTurn {
    turn_id: TurnId,
    first_seq: u64,
}

impl SqliteTurnLog {
    pub(crate) fn new(database: Arc<Database>) -> Self {
        let topics = Topics { by_conversation: HashMap::new(), swept_at: Instant::now() };
        Self { database, topics: Mutex::new(topics) }
    }

    fn topic(&self, id: ConversationId) -> Arc<Topic> {
        let mut topics = lock(&self.topics);
        topics.sweep();
        Arc::clone(topics.by_conversation.entry(id).or_insert_with(|| Arc::new(Topic::new())))
    }

    /// Looks into a conversation's events. One without any takes no memory by being asked for.
    async fn look<T>(
        &self,
        id: ConversationId,
        look: impl Fn(&Events) -> T,
    ) -> Result<T, StoreError> {
        if let Some(looked) = self.look_in_memory(id, &look) {
            return Ok(looked);
        }
        // Up to here there may have been events that nobody has any more.
        let before = self.reserved(id).await?;
        // The numbers may have been reserved just now, for events that are still to come.
        let looked = self.look_in_memory(id, &look);
        Ok(looked.unwrap_or_else(|| look(&Events { before, ..Events::new() })))
    }

    fn look_in_memory<T>(&self, id: ConversationId, look: impl Fn(&Events) -> T) -> Option<T> {
        let topic = lock(&self.topics).by_conversation.get(&id).cloned()?;
        let events = lock(&topic.events);
        events.has_begun.then(|| look(&events))
    }

    /// Notes what came before the events of this process. This goes before the first reservation, so
    /// that nobody takes reserved numbers for events that are gone.
    async fn begin(&self, id: ConversationId, topic: &Topic) -> Result<(), StoreError> {
        if !lock(&topic.events).has_begun {
            let before = self.reserved(id).await?;
            let mut events = lock(&topic.events);
            if !events.has_begun {
                events.before = before;
                events.has_begun = true;
            }
        }
        Ok(())
    }

    async fn reserved(&self, id: ConversationId) -> Result<u64, StoreError> {
        self.database
            .read(move |transaction| {
                let reserved = transaction
                    .prepare_cached(
                        "SELECT reserved FROM event_numbers WHERE conversation_id = ?1",
                    )?
                    .query_row([id.to_simple()], |row| row.get(0))
                    .optional()?;
                Ok(reserved.unwrap_or(0))
            })
            .await
    }

    async fn reserve(&self, id: ConversationId) -> Result<Range<u64>, StoreError> {
        self.database
            .write(move |transaction| {
                let end: u64 = transaction
                    .prepare_cached(
                        "INSERT INTO event_numbers VALUES (?1, ?2)
                         ON CONFLICT DO UPDATE SET reserved = reserved + ?2 RETURNING reserved",
                    )?
                    .query_row(params![id.to_simple(), RESERVED_AT_ONCE], |row| row.get(0))?;
                Ok(end + 1 - RESERVED_AT_ONCE..end + 1)
            })
            .await
    }
}

#[async_trait]
impl TurnLog for SqliteTurnLog {
    async fn append(
        &self,
        id: ConversationId,
        event_id: EventId,
        body: EventBody,
    ) -> Result<Arc<Event>, StoreError> {
        let topic = self.topic(id);
        self.begin(id, &topic).await?;
        if lock(&topic.events).numbers.is_empty() {
            let numbers = self.reserve(id).await?;
            let mut events = lock(&topic.events);
            if events.numbers.is_empty() {
                events.numbers = numbers;
            }
        }
        topic.push(id, event_id, body)
    }

    async fn read(&self, id: ConversationId, after: u64) -> Result<Replay, StoreError> {
        self.look(id, |events| events.after(after)).await
    }

    async fn wait(&self, id: ConversationId, after: u64) -> Result<(), StoreError> {
        // Held while waiting, so that the topic is not swept away under its reader.
        let topic = self.topic(id);
        let mut latest = topic.latest.subscribe();
        latest.wait_for(|latest| *latest > after).await.map_err(StoreError::fault)?;
        Ok(())
    }

    async fn checkpoint(&self, id: ConversationId) -> Result<Checkpoint, StoreError> {
        self.look(id, Events::checkpoint).await
    }
}

impl Topics {
    fn sweep(&mut self) {
        if self.swept_at.elapsed() < IDLE {
            return;
        }
        self.swept_at = Instant::now();
        self.by_conversation.retain(|_, topic| {
            let events = lock(&topic.events);
            Arc::strong_count(topic) > 1
                || events.running.is_some()
                || events.used_at.elapsed() < IDLE
        });
    }
}

impl Topic {
    fn new() -> Self {
        Self { events: Mutex::new(Events::new()), latest: watch::Sender::new(0) }
    }

    fn push(
        &self,
        id: ConversationId,
        event_id: EventId,
        body: EventBody,
    ) -> Result<Arc<Event>, StoreError> {
        let mut events = lock(&self.events);
        if let Some((_, told)) = events.told.iter().find(|(told_as, _)| *told_as == event_id) {
            return Ok(Arc::clone(told));
        }
        let seq = events
            .numbers
            .next()
            .ok_or_else(|| StoreError::fault("more events at once than numbers were reserved"))?;
        let event = Arc::new(Event { conversation_id: id, seq, body });
        events.push(event_id, Arc::clone(&event));
        self.latest.send_replace(seq);
        Ok(event)
    }
}

impl Events {
    fn new() -> Self {
        Self {
            kept: VecDeque::new(),
            told: VecDeque::new(),
            before: 0,
            has_begun: false,
            numbers: 0..0,
            running: None,
            used_at: Instant::now(),
        }
    }

    fn push(&mut self, event_id: EventId, event: Arc<Event>) {
        match &event.body {
            EventBody::MessageAccepted(accepted) => {
                self.running =
                    Some(RunningTurn { turn_id: accepted.turn_id, first_seq: event.seq });
            }
            EventBody::TokenUsage(usage) => {
                self.running = self.running.filter(|turn| turn.turn_id != usage.turn_id);
            }
            _ => {}
        }
        self.told.push_back((event_id, Arc::clone(&event)));
        if self.told.len() > TOLD_AGAIN_WITHIN + 1 {
            self.told.pop_front();
        }
        self.kept.push_back(event);
        self.used_at = Instant::now();
        self.forget_old();
    }

    fn forget_old(&mut self) {
        let needed_from = self.running.map_or(u64::MAX, |turn| turn.first_seq);
        while self.kept.len() > KEPT_EVENTS
            && self.kept.front().is_some_and(|oldest| oldest.seq < needed_from)
        {
            if let Some(forgotten) = self.kept.pop_front() {
                self.before = forgotten.seq;
            }
        }
    }

    fn after(&self, after: u64) -> Replay {
        if (self.before..=self.latest()).contains(&after) {
            Replay::Whole(self.kept.iter().filter(|event| event.seq > after).cloned().collect())
        } else {
            Replay::Gone { latest: self.latest() }
        }
    }

    fn checkpoint(&self) -> Checkpoint {
        let latest = self.latest();
        Checkpoint {
            seq: self.running.map_or(latest, |turn| turn.first_seq - 1),
            latest,
            running_turn: self.running.map(|turn| turn.turn_id),
        }
    }

    fn latest(&self) -> u64 {
        self.kept.back().map_or(self.before, |newest| newest.seq)
    }
}

/// A panic while the lock was held leaves whole values behind: go on with them.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
