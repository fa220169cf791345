//! Sequence numbers, which are reserved in the file before they are used.

use std::ops::Range;
use std::sync::{Arc, Mutex};

use rusqlite::{OptionalExtension, Transaction, params};
use webchat_domain::ConversationId;

use super::mutex::lock;
use super::topic::{Topic, Topics};

/// The number of sequence numbers that one reservation adds.
const RESERVATION: u64 = 1_024;

/// A conversation with fewer unused numbers than this gets more at the start of a turn. Most turns have fewer events.
const NUMBERS_FOR_TURN: usize = 128;

/// Numbers that may be used after the commit of the transaction that reserves them.
pub(crate) struct Reservation {
    topic: Arc<Topic>,
    numbers: Range<u64>,
}

impl Reservation {
    /// Reserves numbers for the events of a turn in the transaction that starts the turn, so that they need no
    /// transaction of their own. Returns `None` if the conversation has enough.
    pub(crate) fn for_turn(
        transaction: &Transaction<'_>,
        topics: &Mutex<Topics>,
        id: ConversationId,
    ) -> rusqlite::Result<Option<Self>> {
        let topic = lock(topics).find_or_create(id);
        if !lock(&topic.events).needs_numbers(NUMBERS_FOR_TURN) {
            return Ok(None);
        }
        // Before the commit: otherwise a reader could find the new numbers in the file first, and count them as lost.
        let before = find_reserved(transaction, id)?;
        lock(&topic.events).initialize(before);
        let numbers = reserve(transaction, id)?;
        Ok(Some(Self { topic, numbers }))
    }

    /// Allows the use of the numbers, after the commit.
    pub(crate) fn confirm(self) {
        lock(&self.topic.events).add_numbers(self.numbers);
    }
}

/// Returns the last number that was reserved for the conversation, or 0.
pub(super) fn find_reserved(
    transaction: &Transaction<'_>,
    id: ConversationId,
) -> rusqlite::Result<u64> {
    let reserved = transaction
        .prepare_cached("SELECT reserved FROM event_numbers WHERE conversation_id = ?1")?
        .query_row([id.to_simple()], |row| row.get(0))
        .optional()?;
    Ok(reserved.unwrap_or(0))
}

/// Deletes the numbers of a conversation that is deleted forever.
pub(super) fn delete(transaction: &Transaction<'_>, id: ConversationId) -> rusqlite::Result<()> {
    transaction
        .execute("DELETE FROM event_numbers WHERE conversation_id = ?1", [id.to_simple()])
        .map(drop)
}

/// Reserves the next numbers.
pub(super) fn reserve(
    transaction: &Transaction<'_>,
    id: ConversationId,
) -> rusqlite::Result<Range<u64>> {
    let end: u64 = transaction
        .prepare_cached(
            "INSERT INTO event_numbers VALUES (?1, ?2)
             ON CONFLICT DO UPDATE SET reserved = reserved + ?2 RETURNING reserved",
        )?
        .query_row(params![id.to_simple(), RESERVATION], |row| row.get(0))?;
    Ok(end + 1 - RESERVATION..end + 1)
}
