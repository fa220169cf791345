//! Rate limiters and their quotas.

use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// The number of checks after which keys without recent events are removed from memory.
const SWEEP_EVERY: u32 = 1024;

/// Limits the rate of events per key.
pub(crate) struct KeyedRateLimiter<K: Clone + Eq + Hash> {
    limiter: Option<DefaultKeyedRateLimiter<K>>,
    checks: AtomicU32,
}

impl<K: Clone + Eq + Hash> KeyedRateLimiter<K> {
    /// Creates a limiter. `None` means unlimited.
    pub(crate) fn new(quota: Option<Quota>) -> Self {
        Self { limiter: quota.map(RateLimiter::hashmap), checks: AtomicU32::new(0) }
    }

    /// Counts an event. If the key has exceeded its rate, the error is the time until the next event is accepted.
    pub(crate) fn check(&self, key: &K) -> Result<(), Duration> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        if self.checks.fetch_add(1, Ordering::Relaxed).is_multiple_of(SWEEP_EVERY) {
            limiter.retain_recent();
        }
        limiter
            .check_key(key)
            .map_err(|exceeded| exceeded.wait_time_from(DefaultClock::default().now()))
    }
}

/// Returns a quota of `per_second` on average, and bursts of `burst_s` seconds' worth.
pub(crate) fn burst_quota(per_second: NonZeroU32, burst_s: u32) -> Quota {
    let burst_s = NonZeroU32::new(burst_s).unwrap_or(NonZeroU32::MIN);
    Quota::per_second(per_second).allow_burst(per_second.saturating_mul(burst_s))
}
