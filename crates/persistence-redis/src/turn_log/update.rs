//! Updates about the newest events of a conversation, which an instance receives.

use std::sync::Arc;

use webchat_domain::{ConversationId, Event};

use super::entry::event;

/// The maximum size of the events in a notification, and of those that an instance keeps of an append. Readers read larger
/// ones from Redis.
pub(super) const MAX_NOTIFIED_BYTES: usize = 8 * 1024;

/// An update about the newest events of a conversation.
pub(super) enum Update {
    /// These events were appended directly after the sequence number `before`.
    Events { before: u64, events: Vec<RecentEvent> },
    /// An event with this sequence number was appended.
    Latest(u64),
}

/// An event, and the size of its data in bytes.
pub(super) struct RecentEvent {
    pub(super) event: Arc<Event>,
    pub(super) bytes: usize,
}

/// The approximate memory of an event in addition to its data.
const EVENT_OVERHEAD: usize = 256;

impl Update {
    /// Returns the update about an append of this instance, or `None` if it appended duplicates only.
    pub(super) fn of_append(
        before: u64,
        events: impl Iterator<Item = RecentEvent>,
    ) -> Option<Self> {
        let events: Vec<_> = events.filter(|recent| recent.event.seq > before).collect();
        let latest = events.last()?.event.seq;
        let bytes: usize = events.iter().map(|recent| recent.bytes).sum();
        let is_small = bytes <= MAX_NOTIFIED_BYTES;
        Some(if is_small { Self::Events { before, events } } else { Self::Latest(latest) })
    }

    /// Parses a notification: a line with the sequence number before the events, and a line with the number, the name and
    /// the data of each event. Events without data are too large. Earlier versions publish only the newest number.
    pub(super) fn parse(id: ConversationId, notification: &str) -> Option<Self> {
        let latest = Self::latest(notification)?;
        let mut lines = notification.lines();
        let before = lines.next()?.parse().ok()?;
        let events: Option<Vec<_>> = lines.map(|line| RecentEvent::parse(id, line)).collect();
        Some(match events {
            Some(events) if !events.is_empty() => Self::Events { before, events },
            // An event that this version can't parse is handled when it is read.
            _ => Self::Latest(latest),
        })
    }

    /// Parses the sequence number of a notification's last event.
    pub(super) fn latest(notification: &str) -> Option<u64> {
        notification.lines().next_back()?.split(' ').next()?.parse().ok()
    }
}

impl RecentEvent {
    /// Returns the approximate memory of the event.
    pub(super) fn memory(&self) -> usize {
        self.bytes + EVENT_OVERHEAD
    }

    fn parse(id: ConversationId, line: &str) -> Option<Self> {
        let mut fields = line.splitn(3, ' ');
        let (seq, name, data) = (fields.next()?, fields.next()?, fields.next()?);
        let event = event(id, seq.parse().ok()?, name, data).ok()?;
        Some(Self { event, bytes: data.len() })
    }
}
