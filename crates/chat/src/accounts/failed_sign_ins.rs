//! Decides which failed attempts to sign in get an entry of the audit log.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use webchat_domain::{Timestamp, UserId};

/// The maximum number of entries for failed attempts per hour and instance. Attackers with many addresses could
/// otherwise fill the store.
const MAX_FAILURES_PER_HOUR: u32 = 600;

/// The maximum number of those at one account, and of those with names that no account has, so that nobody can use up the
/// entries before attacking another account.
const MAX_FAILURES_PER_ACCOUNT: u32 = 60;

const HOUR: Duration = Duration::from_hours(1);

/// The entries of the current hour.
#[derive(Default)]
pub(crate) struct FailedSignIns(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    started_at: Option<Timestamp>,
    recorded: u32,
    recorded_by_account: HashMap<Option<UserId>, u32>,
    omitted: u64,
}

impl FailedSignIns {
    /// Counts a failure at an account, or with a name that no account has. If it gets an entry, returns the number of
    /// failures before it that have none.
    pub(crate) fn count(&self, account: Option<UserId>, now: Timestamp) -> Option<u64> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.started_at.is_none_or(|started_at| started_at.until(now) >= HOUR) {
            let omitted = counts.omitted;
            *counts = Counts { started_at: Some(now), omitted, ..Counts::default() };
        }
        let of_account = counts.recorded_by_account.get(&account).copied().unwrap_or_default();
        if of_account >= MAX_FAILURES_PER_ACCOUNT || counts.recorded >= MAX_FAILURES_PER_HOUR {
            counts.omitted = counts.omitted.saturating_add(1);
            return None;
        }
        counts.recorded += 1;
        counts.recorded_by_account.insert(account, of_account + 1);
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

        let alice = Some(UserId::generate());
        let of_alice = (0..500).filter(|_| failures.count(alice, START).is_some()).count();
        let of_nobody = (0..500).filter(|_| failures.count(None, START).is_some()).count();
        let of_others =
            (0..500).filter(|_| failures.count(Some(UserId::generate()), START).is_some()).count();

        assert_eq!((of_alice, of_nobody, of_others), (60, 60, 480));
        assert_eq!(failures.count(alice, START.plus(HOUR)), Some(20));
        assert_eq!(failures.count(alice, START.plus(HOUR)), Some(0));
    }
}
