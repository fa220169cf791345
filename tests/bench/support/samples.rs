//! The durations of repeated calls.

use std::time::{Duration, Instant};

/// The number of calls before the measurement: the first calls are often slower.
pub(crate) const WARM_UP: u32 = 20;

pub(crate) struct Samples {
    sorted: Vec<Duration>,
}

impl Samples {
    /// Measures `count` sequential calls after a warm-up.
    pub(crate) async fn take(count: u32, mut call: impl AsyncFnMut()) -> Self {
        for _ in 0..WARM_UP.min(count) {
            call().await;
        }
        let mut durations = Vec::new();
        for _ in 0..count {
            let started = Instant::now();
            call().await;
            durations.push(started.elapsed());
        }
        durations.into_iter().collect()
    }

    pub(crate) fn count(&self) -> usize {
        self.sorted.len()
    }

    pub(crate) fn mean_ms(&self) -> f64 {
        let count = u32::try_from(self.count()).unwrap();
        milliseconds(self.sorted.iter().sum::<Duration>() / count)
    }

    /// The duration that `percent` of the calls did not exceed.
    pub(crate) fn percentile_ms(&self, percent: usize) -> f64 {
        let rank = (self.count() * percent).div_ceil(100).max(1);
        milliseconds(self.sorted[rank - 1])
    }
}

impl FromIterator<Duration> for Samples {
    fn from_iter<T: IntoIterator<Item = Duration>>(durations: T) -> Self {
        let mut sorted: Vec<Duration> = durations.into_iter().collect();
        sorted.sort_unstable();
        Self { sorted }
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}
