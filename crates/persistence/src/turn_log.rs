use std::sync::Arc;

use async_trait::async_trait;
use webchat_domain::{ConversationId, Event, EventBody, EventId, TurnId};

use crate::StoreError;

/// The numbered events of each conversation, kept long enough that a client that was away can catch
/// up.
///
/// Readers pull: each keeps the number it has reached, waits for more, and reads what there is. A
/// slow reader therefore costs no memory and slows nobody.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait TurnLog: Send + Sync {
    /// Gives the event the next number. A number is never used twice, also over restarts. The events
    /// of a turn that runs are all kept.
    ///
    /// Whoever does not know whether an append was done, as it failed or its future was dropped, does
    /// it again under the same `event_id`: it is done once, and the answer is the first one's, as long
    /// as no more than 16 other events of the conversation came between.
    async fn append(
        &self,
        id: ConversationId,
        event_id: EventId,
        body: EventBody,
    ) -> Result<Arc<Event>, StoreError>;

    /// What came after the event `after`, 0 being before the first. Where that is much, it may be
    /// the first part of it: whoever reads on after the last of them gets the next.
    async fn read(&self, id: ConversationId, after: u64) -> Result<Replay, StoreError>;

    /// Ends when there is an event after `after`. Dropping the future is safe.
    async fn wait(&self, id: ConversationId, after: u64) -> Result<(), StoreError>;

    /// Where someone who reads the stored messages next must continue, to miss nothing.
    async fn checkpoint(&self, id: ConversationId) -> Result<Checkpoint, StoreError>;
}

/// What a log answers to a reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replay {
    /// The events after the one that was named, in order and without a hole; empty when there is
    /// none.
    Complete(Vec<Arc<Event>>),
    /// The log does not reach back so far: read the messages again, and go on after `latest`.
    Gone {
        /// The newest event's number.
        latest: u64,
    },
}

/// A place in a log at which the stored messages and the events fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// All events up to this one are part of the stored messages; those of the turn that runs come
    /// after it.
    pub seq: u64,
    /// The newest event: where someone continues who cares only for what comes from now on.
    pub latest: u64,
    /// The turn that runs.
    pub running_turn: Option<TurnId>,
}
