//! The events of conversations in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use webchat_domain::{ConversationId, Event};
use webchat_persistence::{NewEvent, StoreError};

use super::event_buffer::EventBuffer;
use super::mutex::lock;
use super::running_turns::{RunningTurns, UnfinishedTurn};

/// The time that a conversation's events are kept without reads and appends.
const IDLE_TIMEOUT: Duration = Duration::from_mins(5);

pub(crate) struct Topics {
    by_conversation: HashMap<ConversationId, Arc<Topic>>,
    swept_at: Instant,
}

/// The events of one conversation, since this process first appended one.
pub(super) struct Topic {
    pub(super) events: Mutex<EventBuffer>,
    latest: watch::Sender<u64>,
}

impl Topics {
    pub(crate) fn new() -> Self {
        Self { by_conversation: HashMap::new(), swept_at: Instant::now() }
    }

    /// Adds the events of a turn that was running before a restart.
    pub(super) fn restore(&mut self, turn: UnfinishedTurn) {
        let id = turn.conversation_id;
        let topic = Topic::new(EventBuffer::of_unfinished_turn(turn));
        self.by_conversation.insert(id, Arc::new(topic));
    }

    pub(super) fn find(&self, id: ConversationId) -> Option<Arc<Topic>> {
        self.by_conversation.get(&id).cloned()
    }

    pub(super) fn find_or_create(&mut self, id: ConversationId) -> Arc<Topic> {
        self.sweep();
        let new = || Arc::new(Topic::new(EventBuffer::new()));
        Arc::clone(self.by_conversation.entry(id).or_insert_with(new))
    }

    fn sweep(&mut self) {
        if self.swept_at.elapsed() < IDLE_TIMEOUT {
            return;
        }
        self.swept_at = Instant::now();
        self.by_conversation.retain(|_, topic| {
            Arc::strong_count(topic) > 1 || !lock(&topic.events).is_idle(IDLE_TIMEOUT)
        });
    }
}

impl Topic {
    fn new(events: EventBuffer) -> Self {
        Self { latest: watch::Sender::new(events.latest()), events: Mutex::new(events) }
    }

    pub(super) fn append(
        &self,
        id: ConversationId,
        new: Vec<NewEvent>,
        running_turns: &RunningTurns,
    ) -> Result<Vec<Arc<Event>>, StoreError> {
        let mut events = lock(&self.events);
        let previous_turn = events.running_turn();
        let appended = events.append(id, new)?;
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
