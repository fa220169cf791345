//! Limits the rate of a client's messages.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::RateLimiter;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};

use crate::quota::burst_quota;

/// A client may send this many seconds' worth of messages in a burst.
const BURST_S: u32 = 10;

/// The rate limiter of one client's messages.
pub(super) struct MessageRateLimiter<C: Clock = DefaultClock> {
    limiter: RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<C::Instant>>,
}

impl MessageRateLimiter {
    pub(super) fn per_second(messages: u32) -> Self {
        Self::with_clock(messages, DefaultClock::default())
    }
}

impl<C: Clock> MessageRateLimiter<C> {
    fn with_clock(messages: u32, clock: C) -> Self {
        let messages = NonZeroU32::new(messages).unwrap_or(NonZeroU32::MIN);
        Self { limiter: RateLimiter::direct_with_clock(burst_quota(messages, BURST_S), clock) }
    }

    /// Counts a message. If the rate is exceeded, the error is the time until the next message is
    /// accepted.
    pub(super) fn check(&self) -> Result<(), Duration> {
        let limiter = &self.limiter;
        limiter.check().map_err(|exceeded| exceeded.wait_time_from(limiter.clock().now()))
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    /// Sends messages until one is rejected. Returns the number of accepted messages.
    fn exhaust(limiter: &MessageRateLimiter<FakeRelativeClock>) -> u32 {
        let mut accepted = 0;
        while limiter.check().is_ok() {
            accepted += 1;
        }
        accepted
    }

    #[test]
    fn a_burst_of_ten_seconds_is_accepted_followed_by_the_average_rate() {
        let clock = FakeRelativeClock::default();
        let limiter = MessageRateLimiter::with_clock(4, clock.clone());

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
