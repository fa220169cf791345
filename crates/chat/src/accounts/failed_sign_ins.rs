//! Decides which failed attempts to sign in get an entry of the audit log.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use webchat_domain::Timestamp;

/// The maximum number of entries for failed attempts per hour and instance. Attackers with many addresses could
/// otherwise fill the store.
const MAX_FAILURES_PER_HOUR: u32 = 600;

const HOUR: Duration = Duration::from_hours(1);

/// The entries of the current hour.
#[derive(Default)]
pub(crate) struct FailedSignIns(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    started_at: Option<Timestamp>,
    recorded: u32,
    omitted: u64,
}

impl FailedSignIns {
    /// Counts a failure. If it gets an entry, returns the number of failures before it that have none.
    pub(crate) fn count(&self, now: Timestamp) -> Option<u64> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.started_at.is_none_or(|started_at| started_at.until(now) >= HOUR) {
            (counts.started_at, counts.recorded) = (Some(now), 0);
        }
        if counts.recorded >= MAX_FAILURES_PER_HOUR {
            counts.omitted = counts.omitted.saturating_add(1);
            return None;
        }
        counts.recorded += 1;
        Some(std::mem::take(&mut counts.omitted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::START;

    #[test]
    fn failures_beyond_the_maximum_are_counted_by_the_next_entry() {
        let failures = FailedSignIns::default();

        let entries = (0..1_000).filter(|_| failures.count(START).is_some()).count();

        assert_eq!(entries, 600);
        assert_eq!(failures.count(START.plus(HOUR)), Some(400));
        assert_eq!(failures.count(START.plus(HOUR)), Some(0));
    }
}
