//! The recent events of one conversation.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use webchat_domain::{ConversationId, Event, EventBody, EventId, TurnId};
use webchat_persistence::rules::{DEDUPLICATION_WINDOW, KEPT_EVENTS, TurnBoundary, turn_boundary};
use webchat_persistence::{Checkpoint, NewEvent, Replay, StoreError};

use super::running_turns::UnfinishedTurn;

/// The estimated memory of an event without its text.
const EVENT_OVERHEAD: usize = 256;

pub(super) struct EventBuffer {
    kept: VecDeque<Arc<Event>>,
    /// The estimated memory of the kept events, in bytes.
    memory: usize,
    /// The newest events with their ids, oldest first, to detect duplicates.
    recent: VecDeque<(EventId, Arc<Event>)>,
    /// The sequence number before the oldest kept event. Events up to it can't be replayed.
    before: u64,
    /// Whether `before` has been read from the file.
    is_initialized: bool,
    /// The unused reserved sequence numbers.
    numbers: Range<u64>,
    running: Option<RunningTurn>,
    used_at: Instant,
}

#[derive(Clone, Copy)]
struct RunningTurn {
    turn_id: TurnId,
    first_seq: u64,
    /// Whether all of its events so far are in the file of running turns.
    is_stored: bool,
}

impl EventBuffer {
    /// Creates an empty buffer that is not initialized yet.
    pub(super) fn new() -> Self {
        Self {
            kept: VecDeque::new(),
            memory: 0,
            recent: VecDeque::new(),
            before: 0,
            is_initialized: false,
            numbers: 0..0,
            running: None,
            used_at: Instant::now(),
        }
    }

    /// Creates a buffer for events after `before`.
    pub(super) fn starting_after(before: u64) -> Self {
        Self { before, is_initialized: true, ..Self::new() }
    }

    /// Creates a buffer with the events of a turn that was running before a restart.
    pub(super) fn of_unfinished_turn(turn: UnfinishedTurn) -> Self {
        let first_seq = turn.events.first().map_or(1, |first| first.seq);
        let running = RunningTurn { turn_id: turn.turn_id, first_seq, is_stored: true };
        Self {
            memory: turn.events.iter().map(memory_of).sum(),
            kept: turn.events.into_iter().map(Arc::new).collect(),
            running: Some(running),
            ..Self::starting_after(first_seq.saturating_sub(1))
        }
    }

    pub(super) fn is_initialized(&self) -> bool {
        self.is_initialized
    }

    /// Sets the sequence number after which the events start, unless it is set already.
    pub(super) fn initialize(&mut self, before: u64) {
        if !self.is_initialized {
            self.before = before;
            self.is_initialized = true;
        }
    }

    /// Whether fewer numbers are reserved than these many events need.
    pub(super) fn needs_numbers(&self, events: usize) -> bool {
        self.unused_numbers() < events
    }

    /// Replaces the reserved numbers by higher ones.
    pub(super) fn add_numbers(&mut self, numbers: Range<u64>) {
        if numbers.start >= self.numbers.end {
            self.numbers = numbers;
        }
    }

    /// Appends the events under the next sequence numbers. If an event with the id of one of them was appended before,
    /// returns that event instead.
    pub(super) fn append(
        &mut self,
        id: ConversationId,
        events: Vec<NewEvent>,
    ) -> Result<Vec<Arc<Event>>, StoreError> {
        if self.needs_numbers(events.len()) {
            return Err(StoreError::fault("more concurrent events than reserved numbers"));
        }
        Ok(events.into_iter().filter_map(|event| self.append_one(id, event)).collect())
    }

    /// Returns `None` if there are no reserved numbers.
    fn append_one(&mut self, id: ConversationId, event: NewEvent) -> Option<Arc<Event>> {
        let NewEvent { event_id, body, .. } = event;
        if let Some((_, event)) = self.recent.iter().find(|(recent_id, _)| *recent_id == event_id) {
            return Some(Arc::clone(event));
        }
        let event = Arc::new(Event { conversation_id: id, seq: self.numbers.next()?, body });
        self.push(event_id, Arc::clone(&event));
        Some(event)
    }

    fn unused_numbers(&self) -> usize {
        usize::try_from(self.numbers.end - self.numbers.start).unwrap_or(usize::MAX)
    }

    pub(super) fn replay(&self, after: u64) -> Replay {
        if (self.before..=self.latest()).contains(&after) {
            // Most readers have all events but the last ones.
            let new = self.kept.iter().rev().take_while(|event| event.seq > after).count();
            Replay::Events(self.kept.range(self.kept.len() - new..).cloned().collect())
        } else {
            Replay::Gap { latest: self.latest() }
        }
    }

    pub(super) fn checkpoint(&self) -> Checkpoint {
        let latest = self.latest();
        Checkpoint {
            seq: self.running.map_or(latest, |turn| turn.first_seq - 1),
            latest,
            running_turn: self.running_turn(),
        }
    }

    pub(super) fn running_turn(&self) -> Option<TurnId> {
        self.running.map(|turn| turn.turn_id)
    }

    /// Whether new events of the running turn are to be stored.
    pub(super) fn is_running_turn_stored(&self) -> bool {
        self.running.is_some_and(|turn| turn.is_stored)
    }

    /// Records that an event of the running turn was not stored. Later ones must not be either, because the stored events
    /// must have no gap.
    pub(super) fn stop_storing(&mut self) {
        if let Some(turn) = &mut self.running {
            turn.is_stored = false;
        }
    }

    /// Returns the sequence number of the newest event.
    pub(super) fn latest(&self) -> u64 {
        self.kept.back().map_or(self.before, |newest| newest.seq)
    }

    /// Returns the estimated memory of the kept events, in bytes.
    pub(super) fn memory(&self) -> usize {
        self.memory
    }

    /// Returns when the last event was appended, or `None` while a turn is running.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        self.running.is_none().then_some(self.used_at)
    }

    fn push(&mut self, event_id: EventId, event: Arc<Event>) {
        match turn_boundary(&event.body) {
            Some(TurnBoundary::Begin(turn_id)) => {
                self.running = Some(RunningTurn { turn_id, first_seq: event.seq, is_stored: true });
            }
            Some(TurnBoundary::End(turn_id)) => {
                self.running = self.running.filter(|turn| turn.turn_id != turn_id);
            }
            None => {}
        }
        self.recent.push_back((event_id, Arc::clone(&event)));
        if self.recent.len() > DEDUPLICATION_WINDOW {
            self.recent.pop_front();
        }
        self.memory += memory_of(&event);
        self.kept.push_back(event);
        self.used_at = Instant::now();
        self.drop_old();
    }

    fn drop_old(&mut self) {
        let needed_from = self.running.map_or(u64::MAX, |turn| turn.first_seq);
        while self.kept.len() > KEPT_EVENTS
            && self.kept.front().is_some_and(|oldest| oldest.seq < needed_from)
        {
            if let Some(dropped) = self.kept.pop_front() {
                self.before = dropped.seq;
                self.memory -= memory_of(&dropped);
            }
        }
    }
}

/// Returns the estimated memory of an event, in bytes.
fn memory_of(event: &Event) -> usize {
    let text = match &event.body {
        EventBody::MessageAccepted(accepted) => accepted.content.len(),
        body => body.chunk_text().map_or(0, str::len),
    };
    EVENT_OVERHEAD + text
}
