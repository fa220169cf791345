//! Limits the rate of what a client does on its connection, such as sending a message.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::RateLimiter;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};

use crate::quota::burst_quota;

/// A client may use this many seconds' worth of its rate in a burst.
const BURST_S: u32 = 10;

/// The limiter of one rate of a connection.
pub(super) struct BurstRateLimiter<C: Clock = DefaultClock> {
    limiter: RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<C::Instant>>,
}

impl BurstRateLimiter {
    pub(super) fn per_second(rate: u32) -> Self {
        Self::with_clock(rate, DefaultClock::default())
    }
}

impl<C: Clock> BurstRateLimiter<C> {
    fn with_clock(rate: u32, clock: C) -> Self {
        let rate = NonZeroU32::new(rate).unwrap_or(NonZeroU32::MIN);
        Self { limiter: RateLimiter::direct_with_clock(burst_quota(rate, BURST_S), clock) }
    }

    /// Counts one use. If the rate is exceeded, the error is the time until the next one is accepted.
    pub(super) fn check(&self) -> Result<(), Duration> {
        let limiter = &self.limiter;
        limiter.check().map_err(|exceeded| exceeded.wait_time_from(limiter.clock().now()))
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    /// Counts until one is rejected. Returns the number of those accepted.
    fn exhaust(limiter: &BurstRateLimiter<FakeRelativeClock>) -> u32 {
        let mut accepted = 0;
        while limiter.check().is_ok() {
            accepted += 1;
        }
        accepted
    }

    #[test]
    fn a_burst_worth_ten_seconds_is_accepted_and_then_the_average_rate() {
        let clock = FakeRelativeClock::default();
        let limiter = BurstRateLimiter::with_clock(4, clock.clone());

        assert_eq!(exhaust(&limiter), 40);
        assert_eq!(limiter.check(), Err(Duration::from_millis(250)));
        clock.advance(Duration::from_millis(249));
        assert_eq!(limiter.check(), Err(Duration::from_millis(1)));
        clock.advance(Duration::from_millis(1));
        assert_eq!(exhaust(&limiter), 1);
        clock.advance(Duration::from_mins(1));
        assert_eq!(exhaust(&limiter), 40);
    }
}
