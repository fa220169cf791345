//! The rate at which a client may send messages.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::RateLimiter;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};

use crate::quota::burst_quota;

/// A client may send the messages of this many seconds at once.
const BURST_S: u32 = 10;

/// Limits the messages of one client.
pub(super) struct MessageRate<C: Clock = DefaultClock> {
    rate: RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<C::Instant>>,
}

impl MessageRate {
    pub(super) fn per_second(messages: u32) -> Self {
        Self::with_clock(messages, DefaultClock::default())
    }
}

impl<C: Clock> MessageRate<C> {
    fn with_clock(messages: u32, clock: C) -> Self {
        let messages = NonZeroU32::new(messages).unwrap_or(NonZeroU32::MIN);
        Self { rate: RateLimiter::direct_with_clock(burst_quota(messages, BURST_S), clock) }
    }

    /// Counts a message. If the rate is exceeded, the error is the time until the next message is
    /// accepted.
    pub(super) fn take(&self) -> Result<(), Duration> {
        self.rate.check().map_err(|exceeded| exceeded.wait_time_from(self.rate.clock().now()))
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn take_all(rate: &MessageRate<FakeRelativeClock>) -> u32 {
        let mut taken = 0;
        while rate.take().is_ok() {
            taken += 1;
        }
        taken
    }

    #[test]
    fn a_burst_of_ten_seconds_is_accepted_and_then_the_average_rate() {
        let clock = FakeRelativeClock::default();
        let rate = MessageRate::with_clock(4, clock.clone());

        assert_eq!(take_all(&rate), 40);
        assert_eq!(rate.take(), Err(Duration::from_millis(250)));
        clock.advance(Duration::from_millis(249));
        assert_eq!(rate.take(), Err(Duration::from_millis(1)));
        clock.advance(Duration::from_millis(1));
        assert_eq!(take_all(&rate), 1);
        clock.advance(Duration::from_mins(1));
        assert_eq!(take_all(&rate), 40);
    }
}
