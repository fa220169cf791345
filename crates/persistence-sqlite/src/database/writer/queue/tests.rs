use rusqlite::Transaction;

use super::*;
use crate::database::writer::change::{ChangeError, SharedError};

const STEP: Duration = Duration::from_millis(20);

struct TestChange;

impl QueuedChange for TestChange {
    fn run(&mut self, _transaction: &Transaction<'_>) -> Result<(), ChangeError> {
        Ok(())
    }

    fn end(self: Box<Self>, _committed: Result<(), SharedError>) {}
}

/// Returns a queue with these changes.
fn queue(start: Instant, priorities: &[Priority]) -> Queue {
    let mut queue = Queue::new(None, start);
    for priority in priorities {
        queue.add(*priority, Box::new(TestChange), start);
    }
    queue
}

#[test]
fn bulk_changes_take_half_of_the_time_while_others_write() {
    let start = Instant::now();
    let mut queue = queue(start, &[Priority::Normal, Priority::Bulk, Priority::Bulk]);

    assert!(matches!(queue.next(false, start), Next::Run(_, Priority::Normal)));
    assert!(matches!(queue.next(false, start), Next::Run(_, Priority::Bulk)));
    queue.bulk_change_ended(start, start + STEP);

    assert!(matches!(queue.next(false, start + STEP), Next::Wait(STEP)));
    assert!(matches!(queue.next(false, start + STEP * 2), Next::Run(_, Priority::Bulk)));
}

#[test]
fn bulk_changes_run_without_pauses_while_nobody_else_writes() {
    let start = Instant::now();
    let mut queue = queue(start, &[Priority::Bulk, Priority::Bulk]);

    assert!(matches!(queue.next(false, start), Next::Run(_, Priority::Bulk)));
    queue.bulk_change_ended(start, start + STEP);

    assert!(matches!(queue.next(false, start + STEP), Next::Run(_, Priority::Bulk)));
}

#[test]
fn a_delayed_change_waits_for_a_normal_one_up_to_the_maximum_delay() {
    let start = Instant::now();
    let mut alone = queue(start, &[Priority::Delayed]);
    let mut with_others = queue(start, &[Priority::Delayed, Priority::Normal]);

    assert!(
        matches!(alone.next(false, start + MAX_DELAY / 2), Next::Wait(pause) if pause == MAX_DELAY / 2)
    );
    assert!(matches!(alone.next(false, start + MAX_DELAY), Next::Run(_, Priority::Normal)));
    assert!(matches!(with_others.next(false, start), Next::Run(_, Priority::Normal)));
    assert!(with_others.next_of_group(&mut Group::starting(start), false, start).is_some());
    assert!(matches!(with_others.next(false, start), Next::End));
}

#[test]
fn bulk_changes_do_not_starve_delayed_changes() {
    let start = Instant::now();
    let mut queue = queue(start, &[Priority::Delayed, Priority::Bulk, Priority::Bulk]);

    assert!(matches!(queue.next(false, start), Next::Run(_, Priority::Bulk)));
    assert!(matches!(queue.next(false, start + MAX_DELAY), Next::Run(_, Priority::Normal)));
}

#[test]
fn a_transaction_is_limited_in_changes_and_duration() {
    let start = Instant::now();
    let mut queue = queue(start, &[Priority::Normal; 2 * MAX_GROUP]);

    let mut group = Group::starting(start);
    let in_time = std::iter::from_fn(|| queue.next_of_group(&mut group, false, start)).count();
    let too_late = queue.next_of_group(&mut Group::starting(start), false, start + MAX_GROUP_TIME);

    assert_eq!(in_time, MAX_GROUP - 1);
    assert!(too_late.is_none());
}
