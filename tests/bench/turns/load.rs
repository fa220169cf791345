//! A load on the server, and what it achieved.

use std::time::Duration;

use crate::support::report::Row;
use crate::support::samples::Samples;

/// The endpoint that the clients use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    WebSocket,
    SocketIo,
}

/// A number of clients that ask at the same time, and the number of conversations of each client.
#[derive(Clone, Copy)]
pub(super) struct Load {
    pub(super) clients: u32,
    pub(super) conversations: u32,
}

/// The times from the question to the first and to the last text of its answer.
#[derive(Clone, Copy)]
pub(super) struct TurnTimes {
    pub(super) first_text: Duration,
    pub(super) last_text: Duration,
}

/// The result of a load.
pub(super) struct Outcome {
    pub(super) turns_per_second: f64,
    pub(super) first_text: Samples,
    pub(super) last_text: Samples,
}

impl Outcome {
    /// Returns the result of these turns, which took `duration` in all.
    pub(super) fn new(times: &[TurnTimes], duration: Duration) -> Self {
        let turns = f64::from(u32::try_from(times.len()).unwrap());
        let samples = |time: fn(&TurnTimes) -> Duration| times.iter().map(time).collect();
        Self {
            turns_per_second: turns / duration.as_secs_f64(),
            first_text: samples(|turn| turn.first_text),
            last_text: samples(|turn| turn.last_text),
        }
    }

    pub(super) fn row(&self, case: &str) -> Row {
        Row::new(case)
            .figure("turns", self.turns_per_second, "/s")
            .figure("first text p50", self.first_text.percentile_ms(50), "ms")
            .figure("p99", self.first_text.percentile_ms(99), "ms")
            .figure("last text p50", self.last_text.percentile_ms(50), "ms")
            .note(format!("of {}", self.last_text.count()))
    }
}
