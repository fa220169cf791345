//! The queue of changes.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::change::QueuedChange;
use crate::database::wal_limit::WalLimit;

/// The maximum number of other changes that may overtake a bulk change.
const MAX_OVERTAKING: usize = 16;

/// The maximum number of changes in one transaction.
const MAX_GROUP: usize = 64;

/// The time after which no more changes are added to a transaction, so that the first ones don't wait long for its end.
const MAX_GROUP_TIME: Duration = Duration::from_millis(5);

/// The maximum time that a change waits for the transaction of another one if it may. While many turns run, there is a
/// transaction every few milliseconds.
const MAX_DELAY: Duration = Duration::from_millis(10);

/// The time between two checks of the log while only bulk changes wait, and wait for the log.
const WAL_POLL_INTERVAL: Duration = Duration::from_millis(50);

/// For this time after a normal change, bulk changes take at most half of the time, so that they leave the processor
/// to the others.
const SHARING_PERIOD: Duration = Duration::from_secs(1);

/// The priority of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::database) enum Priority {
    /// A request waits for the change.
    Normal,
    /// Nobody needs the change soon: it waits up to [`MAX_DELAY`] for a normal change, and is committed with it.
    Delayed,
    /// One of the many steps of an import or a deletion.
    Bulk,
}

/// The queue, and what wakes the task that runs its changes.
pub(super) struct SharedQueue {
    queue: Mutex<Queue>,
    change_added: Condvar,
}

pub(super) struct Queue {
    changes: VecDeque<Box<dyn QueuedChange>>,
    /// With the times at which they become normal changes.
    delayed_changes: VecDeque<(Instant, Box<dyn QueuedChange>)>,
    bulk_changes: VecDeque<Box<dyn QueuedChange>>,
    /// The number of changes that have overtaken the next bulk change.
    overtaking: usize,
    last_normal_change: Option<Instant>,
    next_bulk_change_at: Instant,
    /// Whether the task that runs the changes waits for [`SharedQueue::change_added`].
    is_task_waiting: bool,
    /// `None` while a task runs the changes.
    connection: Option<(Connection, WalLimit)>,
}

/// The next action of the task that runs the changes.
pub(super) enum Next {
    Run(Box<dyn QueuedChange>, Priority),
    /// No change may run for this time, unless another one is added.
    Wait(Duration),
    End,
}

/// The changes that were added to a transaction.
pub(super) struct Group {
    started: Instant,
    changes: usize,
}

impl Group {
    /// The group of the first change.
    pub(super) fn starting(now: Instant) -> Self {
        Self { started: now, changes: 1 }
    }

    /// Adds a change. Returns `false` if the group is complete.
    fn add(&mut self, now: Instant) -> bool {
        self.changes += 1;
        self.changes <= MAX_GROUP && now < self.started + MAX_GROUP_TIME
    }
}

impl SharedQueue {
    pub(super) fn new(connection: Connection, wal_limit: WalLimit) -> Self {
        let queue = Queue::new(Some((connection, wal_limit)), Instant::now());
        Self { queue: Mutex::new(queue), change_added: Condvar::new() }
    }

    /// Adds a change. Returns the connection if the caller must start the task that runs the changes.
    pub(super) fn add(
        &self,
        priority: Priority,
        change: Box<dyn QueuedChange>,
    ) -> Option<(Connection, WalLimit)> {
        let mut queue = self.lock();
        queue.add(priority, change, Instant::now());
        if queue.is_task_waiting {
            self.change_added.notify_one();
        }
        queue.connection.take()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for this time, or until a change is added.
    pub(super) fn wait(&self, mut queue: MutexGuard<'_, Queue>, pause: Duration) {
        queue.is_task_waiting = true;
        let waited = self.change_added.wait_timeout(queue, pause);
        waited.unwrap_or_else(PoisonError::into_inner).0.is_task_waiting = false;
    }
}

impl Queue {
    fn new(connection: Option<(Connection, WalLimit)>, now: Instant) -> Self {
        Self {
            changes: VecDeque::new(),
            delayed_changes: VecDeque::new(),
            bulk_changes: VecDeque::new(),
            overtaking: 0,
            last_normal_change: None,
            next_bulk_change_at: now,
            is_task_waiting: false,
            connection,
        }
    }

    fn add(&mut self, priority: Priority, change: Box<dyn QueuedChange>, now: Instant) {
        match priority {
            Priority::Normal => self.changes.push_back(change),
            Priority::Delayed => self.delayed_changes.push_back((now + MAX_DELAY, change)),
            Priority::Bulk => self.bulk_changes.push_back(change),
        }
    }

    pub(super) fn next(&mut self, is_wal_too_large: bool, now: Instant) -> Next {
        while let Some((_, change)) = self.delayed_changes.pop_front_if(|(due, _)| *due <= now) {
            self.changes.push_back(change);
        }
        if self.is_bulk_next(is_wal_too_large, now)
            && let Some(change) = self.bulk_changes.pop_front()
        {
            self.overtaking = 0;
            return Next::Run(change, Priority::Bulk);
        }
        if let Some(change) = self.take_normal(now) {
            return Next::Run(change, Priority::Normal);
        }
        let until_delayed = self.delayed_changes.front().map(|(due, _)| *due - now);
        let until_bulk = match self.next_bulk_change_at.checked_duration_since(now) {
            _ if self.bulk_changes.is_empty() => None,
            Some(pause) if !is_wal_too_large => Some(pause),
            _ => Some(WAL_POLL_INTERVAL),
        };
        let pause = until_delayed.into_iter().chain(until_bulk).min();
        pause.map_or(Next::End, Next::Wait)
    }

    /// Returns another change for the transaction of the current normal one. Never waits for one.
    pub(super) fn next_of_group(
        &mut self,
        group: &mut Group,
        is_wal_too_large: bool,
        now: Instant,
    ) -> Option<Box<dyn QueuedChange>> {
        if !group.add(now) {
            return None;
        }
        let is_bulk_next = self.is_bulk_next(is_wal_too_large, now);
        let normal = if is_bulk_next { None } else { self.take_normal(now) };
        normal.or_else(|| self.delayed_changes.pop_front().map(|(_, change)| change))
    }

    /// Whether a bulk change runs before all others.
    fn is_bulk_next(&self, is_wal_too_large: bool, now: Instant) -> bool {
        (self.changes.is_empty() || self.overtaking >= MAX_OVERTAKING)
            && !is_wal_too_large
            && now >= self.next_bulk_change_at
            && !self.bulk_changes.is_empty()
    }

    fn take_normal(&mut self, now: Instant) -> Option<Box<dyn QueuedChange>> {
        let change = self.changes.pop_front()?;
        self.overtaking += usize::from(!self.bulk_changes.is_empty());
        self.last_normal_change = Some(now);
        Some(change)
    }

    /// Lets the next bulk change wait as long as this one took, unless nobody else writes.
    pub(super) fn bulk_change_ended(&mut self, started: Instant, now: Instant) {
        let is_shared = self.last_normal_change.is_some_and(|last| now < last + SHARING_PERIOD);
        if is_shared {
            self.next_bulk_change_at = now + (now - started);
        }
    }

    /// Empties the page cache of the connection unless there was a normal change within `idle_for`.
    pub(super) fn release_idle_memory(&self, idle_for: Duration) -> rusqlite::Result<()> {
        let is_idle = self.last_normal_change.is_none_or(|last| last.elapsed() >= idle_for);
        let connection = self.connection.as_ref().filter(|_| is_idle);
        connection.map_or(Ok(()), |(connection, _)| connection.release_memory())
    }

    /// Ends the task that runs the changes, as long as the queue is empty.
    pub(super) fn end_task(&mut self, connection: Connection, wal_limit: WalLimit) {
        self.connection = Some((connection, wal_limit));
    }
}

#[cfg(test)]
mod tests;
