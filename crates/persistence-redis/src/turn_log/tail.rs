//! The newest events of a conversation, in memory.

use std::collections::VecDeque;
use std::sync::Arc;

use webchat_domain::Event;

use super::update::{RecentEvent, Update};

/// The maximum number of events of a conversation in memory.
const MAX_EVENTS: usize = 64;

/// The maximum memory of these events.
const MAX_BYTES: usize = 64 * 1024;

/// The newest known events of a conversation, without a gap. It may lack newer events, but none in between: each append
/// reports the number before it, so that a missed one is noticed with the next one.
#[derive(Default)]
pub(super) struct Tail {
    /// The sequence number before the first event.
    before: u64,
    events: VecDeque<RecentEvent>,
    bytes: usize,
    /// The newest sequence number at the previous call of [`Tail::drop_old`].
    old: u64,
}

impl Tail {
    /// Returns the sequence number of the newest event.
    pub(super) fn latest(&self) -> u64 {
        self.events.back().map_or(self.before, |newest| newest.event.seq)
    }

    /// Returns the approximate memory of the events.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether an update with this newest number contains nothing new.
    pub(super) fn knows(&self, seq: u64) -> bool {
        seq <= self.before || self.position(seq).is_some()
    }

    /// Returns the events after the sequence number `after` if there are any and all of them are certainly known. Another
    /// number than that of an event is not accepted: events before a loss of data in Redis may have had it.
    pub(super) fn after(&self, after: u64) -> Option<Vec<Arc<Event>>> {
        let start = if after == self.before { 0 } else { self.position(after)? + 1 };
        let events: Vec<_> =
            self.events.iter().skip(start).map(|recent| Arc::clone(&recent.event)).collect();
        (!events.is_empty()).then_some(events)
    }

    /// Adds the events. If there is a gap before them, they replace all others.
    pub(super) fn apply(&mut self, update: Update) {
        match update {
            Update::Latest(latest) if latest > self.latest() => self.restart(latest),
            Update::Latest(_) => {}
            Update::Events { before, events } => {
                if events.last().is_none_or(|newest| self.knows(newest.event.seq)) {
                    return;
                }
                if before != self.latest() {
                    self.restart(before);
                }
                self.bytes += events.iter().map(RecentEvent::memory).sum::<usize>();
                self.events.extend(events);
                while self.events.len() > MAX_EVENTS || self.bytes > MAX_BYTES {
                    self.drop_first();
                }
            }
        }
    }

    /// Drops all events.
    pub(super) fn clear(&mut self) {
        self.restart(self.latest());
    }

    /// Drops the events that were here at the previous call.
    pub(super) fn drop_old(&mut self) {
        while self.events.front().is_some_and(|first| first.event.seq <= self.old) {
            self.drop_first();
        }
        self.old = self.latest();
    }

    fn drop_first(&mut self) {
        if let Some(first) = self.events.pop_front() {
            self.before = first.event.seq;
            self.bytes -= first.memory();
        }
    }

    fn restart(&mut self, before: u64) {
        self.before = before;
        self.events.clear();
        self.bytes = 0;
    }

    fn position(&self, seq: u64) -> Option<usize> {
        self.events.binary_search_by_key(&seq, |recent| recent.event.seq).ok()
    }
}

#[cfg(test)]
mod tests {
    use webchat_domain::{ConversationChange, ConversationId, EventBody};

    use super::*;

    fn events(before: u64, numbers: &[u64]) -> Update {
        let body = EventBody::ConversationUpdated(ConversationChange::Branch);
        let event =
            |seq| Event { conversation_id: ConversationId::generate(), seq, body: body.clone() };
        let recent = |seq| RecentEvent { event: Arc::new(event(seq)), bytes: 100 };
        Update::Events { before, events: numbers.iter().map(|seq| recent(*seq)).collect() }
    }

    fn tail(updates: impl IntoIterator<Item = Update>) -> Tail {
        let mut tail = Tail::default();
        updates.into_iter().for_each(|update| tail.apply(update));
        tail
    }

    fn numbers(tail: &Tail, after: u64) -> Option<Vec<u64>> {
        Some(tail.after(after)?.iter().map(|event| event.seq).collect())
    }

    #[test]
    fn consecutive_events_are_returned_after_each_of_their_numbers() {
        let tail = tail([events(10, &[20]), events(20, &[30, 40]), events(40, &[50])]);

        assert_eq!(numbers(&tail, 10), Some(vec![20, 30, 40, 50]));
        assert_eq!(numbers(&tail, 30), Some(vec![40, 50]));
        assert_eq!(numbers(&tail, 50), None);
    }

    #[test]
    fn a_number_that_no_event_has_is_not_accepted() {
        let tail = tail([events(10, &[20]), events(20, &[30])]);

        for after in [0, 9, 11, 25, 31] {
            assert_eq!(numbers(&tail, after), None, "{after}");
        }
    }

    #[test]
    fn events_before_a_gap_are_dropped() {
        for gap in [events(30, &[40]), Update::Latest(40)] {
            let mut tail = tail([events(10, &[20]), gap]);
            tail.apply(events(40, &[50]));

            assert_eq!(numbers(&tail, 10), None);
            assert_eq!(numbers(&tail, 20), None);
            assert_eq!(numbers(&tail, 40), Some(vec![50]));
        }
    }

    #[test]
    fn repeated_and_late_updates_change_nothing() {
        let mut tail = tail([events(20, &[30]), events(30, &[40])]);
        for known in [events(20, &[30]), events(10, &[20]), events(30, &[40]), Update::Latest(30)] {
            tail.apply(known);
        }

        assert_eq!(numbers(&tail, 20), Some(vec![30, 40]));
        assert_eq!(numbers(&tail, 10), None);
    }

    #[test]
    fn lower_numbers_after_a_loss_of_data_replace_all_events() {
        let tail = tail([events(10, &[30]), events(10, &[20])]);

        assert_eq!(numbers(&tail, 10), Some(vec![20]));
        assert_eq!(numbers(&tail, 30), None);
    }

    #[test]
    fn the_number_the_size_and_the_age_of_events_are_bounded() {
        let mut tail = tail((0..1_000).map(|seq| events(seq, &[seq + 1])));

        let oldest = 1_000 - u64::try_from(MAX_EVENTS).unwrap();
        assert_eq!(numbers(&tail, oldest).unwrap().len(), MAX_EVENTS);
        assert_eq!(numbers(&tail, oldest - 1), None);
        tail.drop_old();
        tail.apply(events(1_000, &[1_001]));
        assert_eq!(numbers(&tail, 999), Some(vec![1_000, 1_001]));
        tail.drop_old();
        assert_eq!(numbers(&tail, 999), None);
        assert_eq!(numbers(&tail, 1_000), Some(vec![1_001]));
        tail.drop_old();
        assert_eq!((tail.latest(), tail.bytes()), (1_001, 0));
    }
}
