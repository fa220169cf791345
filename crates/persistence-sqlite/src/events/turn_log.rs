//! Implements [`TurnLog`]: events in memory, those of running turns also in a file, sequence numbers reserved in the
//! database.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use rusqlite::Transaction;
use webchat_domain::{ConversationId, Event};
use webchat_persistence::{Checkpoint, NewEvent, Replay, StoreError, TurnLog};

use super::event_buffer::EventBuffer;
use super::mutex::lock;
use super::numbers;
use super::running_turns::RunningTurns;
use super::topic::{Topic, Topics};
use crate::database::Database;

/// The turn log in process memory. Its sequence numbers are reserved in the SQLite file, so that none is used twice,
/// even after a restart. The events of running turns survive a killed process.
pub struct SqliteTurnLog {
    database: Arc<Database>,
    topics: Arc<Mutex<Topics>>,
    running_turns: Arc<RunningTurns>,
}

impl SqliteTurnLog {
    pub(crate) fn new(
        database: Arc<Database>,
        topics: Arc<Mutex<Topics>>,
        running_turns: Arc<RunningTurns>,
    ) -> Self {
        Self { database, topics, running_turns }
    }

    fn topic(&self, id: ConversationId) -> Arc<Topic> {
        lock(&self.topics).find_or_create(id)
    }

    /// Reads a conversation's events without creating a topic: reading a conversation without events must not take
    /// memory.
    async fn inspect<T>(
        &self,
        id: ConversationId,
        inspect: impl Fn(&EventBuffer) -> T,
    ) -> Result<T, StoreError> {
        if let Some(result) = self.inspect_in_memory(id, &inspect) {
            return Ok(result);
        }
        // Events up to the last reserved number may have existed before a restart.
        let before = self.reserved(id).await?;
        // These numbers may have been reserved just now for events that are in memory by now.
        let result = self.inspect_in_memory(id, &inspect);
        Ok(result.unwrap_or_else(|| inspect(&EventBuffer::starting_after(before))))
    }

    fn inspect_in_memory<T>(
        &self,
        id: ConversationId,
        inspect: impl Fn(&EventBuffer) -> T,
    ) -> Option<T> {
        let topic = lock(&self.topics).find(id)?;
        let events = lock(&topic.events);
        events.is_initialized().then(|| inspect(&events))
    }

    /// Sets the sequence number after which the events of this process start. This must happen before the first
    /// reservation: otherwise the reserved numbers would count as lost events.
    async fn initialize(&self, id: ConversationId, topic: &Topic) -> Result<(), StoreError> {
        if !lock(&topic.events).is_initialized() {
            let before = self.reserved(id).await?;
            topic.initialize(before);
        }
        Ok(())
    }

    async fn reserved(&self, id: ConversationId) -> Result<u64, StoreError> {
        self.database.read(move |transaction| numbers::find_reserved(transaction, id)).await
    }
}

#[async_trait]
impl TurnLog for SqliteTurnLog {
    async fn append(
        &self,
        id: ConversationId,
        events: Vec<NewEvent>,
    ) -> Result<Vec<Arc<Event>>, StoreError> {
        let topic = self.topic(id);
        self.initialize(id, &topic).await?;
        if lock(&topic.events).needs_numbers(events.len()) {
            let reserve = move |transaction: &Transaction<'_>| numbers::reserve(transaction, id);
            let numbers = self.database.write(reserve).await?;
            lock(&topic.events).add_numbers(numbers);
        }
        topic.append(id, events, &self.running_turns)
    }

    async fn read(&self, id: ConversationId, after: u64) -> Result<Replay, StoreError> {
        self.inspect(id, |events| events.replay(after)).await
    }

    async fn wait(&self, id: ConversationId, after: u64) -> Result<(), StoreError> {
        // The topic is kept while waiting, so that it is not swept while it has a reader. It may have been swept before.
        let topic = self.topic(id);
        self.initialize(id, &topic).await?;
        topic.wait(after).await
    }

    async fn checkpoint(&self, id: ConversationId) -> Result<Checkpoint, StoreError> {
        self.inspect(id, EventBuffer::checkpoint).await
    }

    async fn erase(&self, id: ConversationId) -> Result<(), StoreError> {
        lock(&self.topics).remove(id);
        self.running_turns.remove(id).map_err(StoreError::unavailable)?;
        self.database.write(move |transaction| numbers::delete(transaction, id)).await
    }
}
