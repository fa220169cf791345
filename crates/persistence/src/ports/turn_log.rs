//! The port of the turn log.

use std::sync::Arc;

use async_trait::async_trait;
use webchat_domain::{ConversationId, Event, EventBody, EventId, TurnId};

use crate::StoreError;

/// Numbers the events of each conversation, and keeps them long enough for a client to catch up after a
/// disconnection.
///
/// Readers pull: each remembers the last sequence number it has read, waits for more events and reads them. A slow
/// reader therefore costs no memory and does not slow down others.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait TurnLog: Send + Sync {
    /// Appends the events, all or none, under the next sequence numbers, and returns them. No number is used twice, even
    /// across restarts. All events of a running turn are kept.
    ///
    /// An append that failed, or whose future was dropped, can be retried with the same event ids: each event is appended
    /// once, and the first one with its id is returned, as long as at most 16 other events of the conversation were
    /// appended in between. At most 16 events can be appended at a time.
    async fn append(
        &self,
        id: ConversationId,
        events: Vec<NewEvent>,
    ) -> Result<Vec<Arc<Event>>, StoreError>;

    /// Returns the events after the sequence number `after`; 0 is before the first event. A long replay may be
    /// returned in parts: reading after the last event returns the next part.
    async fn read(&self, id: ConversationId, after: u64) -> Result<Replay, StoreError>;

    /// Waits until there is an event after `after`.
    ///
    /// # Cancel safety
    /// Dropping the future is safe.
    async fn wait(&self, id: ConversationId, after: u64) -> Result<(), StoreError>;

    /// Returns the position in the log from which a client continues that reads the stored messages after this call.
    async fn checkpoint(&self, id: ConversationId) -> Result<Checkpoint, StoreError>;

    /// Deletes the events of a conversation that is deleted forever, and their numbers.
    async fn erase(&self, id: ConversationId) -> Result<(), StoreError>;
}

/// Convenience methods of every turn log.
#[async_trait]
pub trait TurnLogExt: TurnLog {
    /// Appends one event. See [`TurnLog::append`].
    async fn append_one(
        &self,
        id: ConversationId,
        event_id: EventId,
        body: EventBody,
    ) -> Result<Arc<Event>, StoreError> {
        let event = NewEvent { event_id, duplicates_after: 0, body };
        let appended = self.append(id, vec![event]).await?;
        appended.into_iter().next().ok_or_else(|| StoreError::fault("no event was appended"))
    }

    /// Returns what was published so far of the running turn's answer. Returns `None` if the turn is not running, or if
    /// the log no longer has all of its events.
    async fn published_answer(
        &self,
        id: ConversationId,
        turn_id: TurnId,
    ) -> Result<Option<PublishedAnswer>, StoreError> {
        let checkpoint = self.checkpoint(id).await?;
        if checkpoint.running_turn != Some(turn_id) {
            return Ok(None);
        }
        let (mut answer, mut after) = (PublishedAnswer::default(), checkpoint.seq);
        while let Replay::Events(events) = self.read(id, after).await? {
            let Some(last) = events.last() else { return Ok(Some(answer)) };
            after = last.seq;
            for event in &events {
                answer.add(turn_id, &event.body);
            }
        }
        Ok(None)
    }
}

impl<T: TurnLog + ?Sized> TurnLogExt for T {}

/// What was published of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublishedAnswer {
    /// The text.
    pub content: String,
    /// The text of the reasoning.
    pub reasoning: String,
    /// How long the model has reasoned, in milliseconds.
    pub reasoning_ms: u32,
}

impl PublishedAnswer {
    fn add(&mut self, turn_id: TurnId, body: &EventBody) {
        match body {
            EventBody::ResponseChunk(chunk) if chunk.turn_id == turn_id => {
                self.content.push_str(&chunk.chunk);
            }
            EventBody::ReasoningChunk(chunk) if chunk.turn_id == turn_id => {
                self.reasoning.push_str(&chunk.chunk);
                self.reasoning_ms = chunk.duration_ms;
            }
            _ => {}
        }
    }
}

/// An event to append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// Identifies the event when an append is repeated.
    pub event_id: EventId,
    /// The log looks for a duplicate only after this sequence number: the caller knows that no event up to it has this
    /// id. 0 if the caller doesn't know. All attempts must pass the same number.
    pub duplicates_after: u64,
    /// The kind of event and its data.
    pub body: EventBody,
}

/// The result of reading the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replay {
    /// The events after the given one, in order and without a gap; empty if there are none.
    Events(Vec<Arc<Event>>),
    /// The log does not reach back that far: read the messages again, and continue after `latest`.
    Gap {
        /// The sequence number of the newest event.
        latest: u64,
    },
}

/// A point at which the stored messages and the events match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The sequence number up to which all events are part of the stored messages. The events of the running turn
    /// come after it.
    pub seq: u64,
    /// The sequence number of the newest event, for clients that want future events only.
    pub latest: u64,
    /// The running turn.
    pub running_turn: Option<TurnId>,
}
