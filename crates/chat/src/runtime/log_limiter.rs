//! Limits how often similar lines are logged.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The minimum time between two log lines about similar events.
const LOG_INTERVAL: Duration = Duration::from_mins(1);

/// Decides which events are logged: the first event of each key immediately. The number of further events within a
/// minute is logged when the next event of any key occurs.
pub struct LogLimiter<K>(HashMap<K, Count>);

struct Count {
    logged_at: Instant,
    /// The number of events since then that were not logged.
    suppressed: u64,
}

impl<K> Default for LogLimiter<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash> LogLimiter<K> {
    /// Counts an event. Returns whether to log it.
    pub fn add(&mut self, key: K, now: Instant) -> bool {
        if let Some(count) = self.0.get_mut(&key) {
            count.suppressed = count.suppressed.saturating_add(1);
            return false;
        }
        self.0.insert(key, Count { logged_at: now, suppressed: 0 });
        true
    }

    /// Removes the keys whose interval has ended. Returns them with the number of events that were not logged.
    #[must_use]
    pub fn end_intervals(&mut self, now: Instant) -> Vec<(K, u64)> {
        let is_over = |count: &Count| now.duration_since(count.logged_at) >= LOG_INTERVAL;
        let ended = self.0.extract_if(|_, count| is_over(count));
        ended
            .map(|(key, count)| (key, count.suppressed))
            .filter(|(_, suppressed)| *suppressed > 0)
            .collect()
    }

    /// Returns whether `key` is known or can be added without exceeding `max` keys.
    #[must_use]
    pub fn has_space_for(&self, key: &K, max: usize) -> bool {
        self.0.len() < max || self.0.contains_key(key)
    }
}

/// A [`LogLimiter`] that threads share.
pub struct SharedLogLimiter<K>(Mutex<LogLimiter<K>>);

impl<K> Default for SharedLogLimiter<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Clone + Eq + Hash> SharedLogLimiter<K> {
    /// Counts an event under the key that `key` returns. Returns this key if the event should be logged. Calls
    /// `log_rest` for each key whose interval has ended, with the number of its events that were not logged.
    pub fn count(
        &self,
        key: impl FnOnce(&LogLimiter<K>) -> K,
        log_rest: impl Fn(K, u64),
    ) -> Option<K> {
        let now = Instant::now();
        let mut limiter = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = limiter.end_intervals(now);
        let key = key(&limiter);
        let is_first = limiter.add(key.clone(), now);
        drop(limiter);
        for (key, count) in ended {
            log_rest(key, count);
        }
        is_first.then_some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_one_key_are_logged_once_per_interval_with_their_number() {
        let (mut limiter, start) = (LogLimiter::default(), Instant::now());

        let logged = (0..1_000).filter(|_| limiter.add("key", start)).count();
        let other = limiter.add("other", start);
        let too_early = limiter.end_intervals(start + LOG_INTERVAL / 2);
        let ended = limiter.end_intervals(start + LOG_INTERVAL);
        let next = limiter.add("key", start + LOG_INTERVAL);

        assert_eq!((logged, other), (1, true));
        assert_eq!((too_early, ended), (vec![], vec![("key", 999)]));
        assert!(next);
    }

    #[test]
    fn the_first_event_of_each_key_is_logged() {
        let limiter = SharedLogLimiter::default();

        let logged = ["busy", "busy", "too_long", "busy", "too_long"]
            .map(|code| limiter.count(|_| code, |_, _| {}).is_some());

        assert_eq!(logged, [true, false, true, false, false]);
    }
}
