use std::num::NonZeroU32;
use std::time::Duration;

use governor::RateLimiter;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};

use crate::middleware::request_limits::saved_up;

/// How many seconds' worth of messages a client may send at once.
const SAVED_UP_S: u32 = 10;

/// What live connections may take of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Messages that a connection may send a second, on average over ten. At least 1.
    pub messages_per_second: u32,
    /// Connections that a user may have at a time, to this instance.
    pub connections_per_user: usize,
    /// After which a WebSocket from which nothing came is closed.
    pub idle: Duration,
    /// After which a WebSocket is cut off whose client takes nothing; half of it after, it is told to
    /// come again.
    pub slowest: Duration,
    /// The largest frame that a WebSocket may bring, in bytes.
    pub max_frame: usize,
    /// The largest message that a WebSocket may bring, in bytes.
    pub max_message: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            messages_per_second: 10,
            connections_per_user: 20,
            idle: Duration::from_secs(45),
            slowest: Duration::from_secs(30),
            max_frame: 1024 * 1024,
            max_message: 4 * 1024 * 1024,
        }
    }
}

/// How much a client may say: each message takes some of it, and it comes back with time.
pub(super) struct Allowance<C: Clock = DefaultClock> {
    rate: RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<C::Instant>>,
}

impl Allowance {
    /// All of it.
    pub(super) fn per_second(messages: u32) -> Self {
        Self::by(messages, DefaultClock::default())
    }
}

impl<C: Clock> Allowance<C> {
    fn by(messages: u32, clock: C) -> Self {
        let messages = NonZeroU32::new(messages).unwrap_or(NonZeroU32::MIN);
        Self { rate: RateLimiter::direct_with_clock(saved_up(messages, SAVED_UP_S), clock) }
    }

    /// Takes a message's worth; where there is none, says after how long there will be.
    pub(super) fn take(&self) -> Result<(), Duration> {
        self.rate.check().map_err(|refused| refused.wait_time_from(self.rate.clock().now()))
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn take_all(allowance: &Allowance<FakeRelativeClock>) -> u32 {
        let mut taken = 0;
        while allowance.take().is_ok() {
            taken += 1;
        }
        taken
    }

    #[test]
    fn ten_seconds_of_messages_may_come_at_once_and_then_no_more_than_fill_up() {
        let clock = FakeRelativeClock::default();
        let allowance = Allowance::by(4, clock.clone());

        assert_eq!(take_all(&allowance), 40);
        assert_eq!(allowance.take(), Err(Duration::from_millis(250)));
        clock.advance(Duration::from_millis(249));
        assert_eq!(allowance.take(), Err(Duration::from_millis(1)));
        clock.advance(Duration::from_millis(1));
        assert_eq!(take_all(&allowance), 1);
        clock.advance(Duration::from_mins(1));
        assert_eq!(take_all(&allowance), 40);
    }
}
