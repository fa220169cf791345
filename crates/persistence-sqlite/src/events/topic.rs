//! The events of conversations in memory.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use webchat_domain::{ConversationId, Event};
use webchat_persistence::{NewEvent, StoreError};

use super::event_buffer::EventBuffer;
use super::mutex::lock;
use super::running_turns::{RunningTurns, UnfinishedTurn};

/// The time that the events of an idle conversation are kept. A conversation is idle if no turn is running and nobody
/// waits for events.
const IDLE_TIMEOUT: Duration = Duration::from_mins(1);

/// The maximum memory for events of idle conversations, in bytes. Above it, only those of the last ones are kept.
const MAX_IDLE_BYTES: usize = 8 * 1024 * 1024;

pub(crate) struct Topics {
    by_conversation: HashMap<ConversationId, Arc<Topic>>,
    /// The growth of the memory for events since the last sweep, in bytes.
    growth: Arc<AtomicUsize>,
}

/// The events of one conversation, since this process first appended one.
pub(super) struct Topic {
    pub(super) events: Mutex<EventBuffer>,
    latest: watch::Sender<u64>,
    growth: Arc<AtomicUsize>,
}

impl Topics {
    pub(crate) fn new() -> Self {
        Self { by_conversation: HashMap::new(), growth: Arc::default() }
    }

    /// Adds the events of a turn that was running before a restart.
    pub(super) fn restore(&mut self, turn: UnfinishedTurn) {
        let id = turn.conversation_id;
        let topic = Topic::new(EventBuffer::of_unfinished_turn(turn), &self.growth);
        self.by_conversation.insert(id, Arc::new(topic));
    }

    pub(super) fn find(&self, id: ConversationId) -> Option<Arc<Topic>> {
        self.by_conversation.get(&id).cloned()
    }

    pub(super) fn find_or_create(&mut self, id: ConversationId) -> Arc<Topic> {
        if self.growth.load(Ordering::Relaxed) >= MAX_IDLE_BYTES {
            self.sweep();
        }
        let new = || Arc::new(Topic::new(EventBuffer::new(), &self.growth));
        Arc::clone(self.by_conversation.entry(id).or_insert_with(new))
    }

    /// Drops the events of a conversation. Readers keep those that they have.
    pub(super) fn remove(&mut self, id: ConversationId) {
        self.by_conversation.remove(&id);
    }

    /// Drops the events of conversations that are idle for too long, or that exceed the memory.
    pub(crate) fn sweep(&mut self) {
        self.growth.store(0, Ordering::Relaxed);
        let unread = self.by_conversation.iter().filter(|(_, topic)| Arc::strong_count(topic) == 1);
        let mut idle: Vec<_> = unread
            .filter_map(|(id, topic)| {
                let events = lock(&topic.events);
                Some((events.idle_since()?, events.memory(), *id))
            })
            .collect();
        idle.sort_unstable_by_key(|(since, ..)| Reverse(*since));
        let mut bytes = 0;
        for (since, memory, id) in idle {
            bytes += memory;
            if bytes > MAX_IDLE_BYTES || since.elapsed() >= IDLE_TIMEOUT {
                self.by_conversation.remove(&id);
            }
        }
    }
}

impl Topic {
    fn new(events: EventBuffer, growth: &Arc<AtomicUsize>) -> Self {
        Self {
            latest: watch::Sender::new(events.latest()),
            events: Mutex::new(events),
            growth: Arc::clone(growth),
        }
    }

    /// Sets the sequence number after which the events start, unless it is set already. Readers that lack older events
    /// are woken, and notice the gap.
    pub(super) fn initialize(&self, before: u64) {
        let mut events = lock(&self.events);
        events.initialize(before);
        self.latest.send_replace(events.latest());
    }

    pub(super) fn append(
        &self,
        id: ConversationId,
        new: Vec<NewEvent>,
        running_turns: &RunningTurns,
    ) -> Result<Vec<Arc<Event>>, StoreError> {
        let mut events = lock(&self.events);
        let (previous_turn, memory) = (events.running_turn(), events.memory());
        let appended = events.append(id, new)?;
        self.growth.fetch_add(events.memory().saturating_sub(memory), Ordering::Relaxed);
        // Readers can't read the events before the lock is released.
        let stored = match events.running_turn() {
            Some(turn) if events.is_running_turn_stored() => {
                running_turns.store(id, &appended, previous_turn != Some(turn))
            }
            None if previous_turn.is_some() => running_turns.remove(id),
            _ => Ok(()),
        };
        if let Err(error) = stored {
            // The database has the answer up to its last save.
            events.stop_storing();
            tracing::warn!(conversation_id = %id, %error, "failed to store the events of a running turn");
        }
        self.latest.send_replace(events.latest());
        Ok(appended)
    }

    /// Waits until there is an event after `after`.
    pub(super) async fn wait(&self, after: u64) -> Result<(), StoreError> {
        let mut latest = self.latest.subscribe();
        latest.wait_for(|latest| *latest > after).await.map_err(StoreError::fault)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;
    use webchat_domain::{
        ConversationChange, EventBody, EventId, Ledger, MessageAccepted, ResponseChunk, Timestamp,
        TokenUsage, TurnId, UserId,
    };
    use webchat_persistence::{Conversations, Replay, TurnLog, TurnLogExt};

    use super::*;
    use crate::SqliteStore;

    /// Appends a turn with `bytes` of text.
    fn append_turn(topics: &mut Topics, id: ConversationId, bytes: usize, is_ended: bool) {
        let dir = tempfile::tempdir().unwrap();
        let running_turns = RunningTurns::create(&dir.path().join("turns.jsonl"), &[]).unwrap();
        let turn_id = TurnId::generate();
        let accepted = MessageAccepted { turn_id, ..MessageAccepted::fixture() };
        let chunk = ResponseChunk { chunk: "a".repeat(bytes), turn_id };
        let end = TokenUsage {
            turn_id,
            total_tokens_used: 1,
            cached_tokens: 0,
            reasoning_tokens: 0,
            ledger: Ledger::default(),
        };
        let end = is_ended.then_some(EventBody::TokenUsage(end));
        let bodies = [EventBody::MessageAccepted(accepted), EventBody::ResponseChunk(chunk)];
        let new = |body| NewEvent { event_id: EventId::generate(), duplicates_after: 0, body };
        let topic = topics.find_or_create(id);
        let mut events = lock(&topic.events);
        events.initialize(0);
        events.add_numbers(1..1_000);
        drop(events);
        let new = bodies.into_iter().chain(end).map(new).collect();
        topic.append(id, new, &running_turns).unwrap();
    }

    fn is_kept(topics: &Topics, id: ConversationId) -> bool {
        let topic = topics.find(id);
        topic.is_some_and(|topic| matches!(lock(&topic.events).replay(0), Replay::Events(_)))
    }

    #[test]
    fn above_the_limit_only_the_last_idle_conversations_keep_their_events() {
        let mut topics = Topics::new();
        let [running, waiting, first, second, last] = [(); 5].map(|()| ConversationId::generate());
        append_turn(&mut topics, running, 100, false);
        append_turn(&mut topics, waiting, 100, true);
        let _reader = topics.find(waiting);
        for id in [first, second, last] {
            append_turn(&mut topics, id, MAX_IDLE_BYTES * 2 / 5, true);
        }

        topics.find_or_create(last);

        let kept = [running, waiting, first, second, last].map(|id| is_kept(&topics, id));
        assert_eq!(kept, [true, true, false, true, true]);
    }

    #[tokio::test]
    async fn a_reader_whose_next_events_were_dropped_is_woken_and_notices_the_gap() {
        let dir = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&dir.path().join("webchat.db")).await.unwrap();
        let (log, id) = (store.turn_log(), ConversationId::generate());
        store.create(UserId::generate(), id, Timestamp::FIXTURE).await.unwrap();
        let event = || EventBody::ConversationUpdated(ConversationChange::Branch);
        let append = async || log.append_one(id, EventId::generate(), event()).await.unwrap().seq;
        let first = append().await;
        append().await;

        lock(&store.topics).by_conversation.clear();

        timeout(Duration::from_secs(5), log.wait(id, first)).await.expect("it waits").unwrap();
        assert!(matches!(log.read(id, first).await.unwrap(), Replay::Gap { .. }));
    }
}
