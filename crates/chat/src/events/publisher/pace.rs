//! How often a publisher may publish a chunk of an answer.

use std::num::NonZero;
use std::sync::{Arc, LazyLock};
use std::thread::available_parallelism;
use std::time::Duration;

use tokio::time::Instant;

/// The number of chunks that are published as soon as they arrive.
const UNTHROTTLED_CHUNKS: u32 = 64;

/// The minimum mean time between two chunks of a publisher after the first ones.
pub(super) const MIN_INTERVAL: Duration = Duration::from_millis(5);

/// The number of chunks after which the minimum is [`SLOW_INTERVAL`].
const SLOW_AFTER_CHUNKS: u32 = 4 * 1024;
const SLOW_INTERVAL: Duration = Duration::from_millis(20);

/// The number of chunks after which a publisher publishes at most one chunk per [`SLOWEST_INTERVAL`]. Together with the
/// bound on the text, this bounds the memory of the log for an answer.
const SLOWEST_AFTER_CHUNKS: u32 = 16 * 1024;
pub(super) const SLOWEST_INTERVAL: Duration = Duration::from_secs(1);

/// The processor time that each chunk may take. A chunk takes about half of it (see `docs/performance.md`), so that the
/// publishers of this process together keep the processors about half busy, apart from the first chunks of each.
const CPU_BUDGET_PER_CHUNK: Duration = Duration::from_micros(200);

/// The number of processors that this process can use.
static PROCESSORS: LazyLock<u32> = LazyLock::new(|| {
    let processors = available_parallelism().map_or(1, NonZero::get);
    u32::try_from(processors).unwrap_or(u32::MAX)
});

/// Counts the publishers of this process: each has a clone. The original, which belongs to no publisher, counts as one.
#[derive(Clone, Default)]
pub(crate) struct Publishers(Arc<()>);

/// The pace of one publisher.
pub(super) struct Pace<'a> {
    publishers: &'a Publishers,
    chunks: u32,
    due: Instant,
}

impl Publishers {
    /// Returns the mean time between two chunks of each publisher with which all of them stay within the budget.
    fn interval(&self, processors: u32) -> Duration {
        let publishers = u32::try_from(Arc::strong_count(&self.0)).unwrap_or(u32::MAX);
        CPU_BUDGET_PER_CHUNK.saturating_mul(publishers) / processors
    }
}

impl<'a> Pace<'a> {
    pub(super) fn new(publishers: &'a Publishers) -> Self {
        Self { publishers, chunks: 0, due: Instant::now() }
    }

    /// Counts a published chunk. Returns when the next one may be published. A late chunk does not delay later ones.
    pub(super) fn next_due(&mut self) -> Instant {
        self.chunks = self.chunks.saturating_add(1);
        let load_interval = || self.publishers.interval(*PROCESSORS);
        let interval = match self.chunks {
            0..UNTHROTTLED_CHUNKS => Duration::ZERO,
            UNTHROTTLED_CHUNKS..SLOW_AFTER_CHUNKS => load_interval().max(MIN_INTERVAL),
            SLOW_AFTER_CHUNKS..SLOWEST_AFTER_CHUNKS => load_interval().max(SLOW_INTERVAL),
            SLOWEST_AFTER_CHUNKS.. => load_interval().max(SLOWEST_INTERVAL),
        };
        self.due = (self.due + interval).max(Instant::now());
        self.due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_less_frequent_while_many_turns_run() {
        let interval_micros = |turns: usize, processors| {
            let publishers = Publishers::default();
            let _turns: Vec<_> = (1..turns).map(|_| publishers.clone()).collect();
            publishers.interval(processors).as_micros()
        };

        assert_eq!([1, 200].map(|turns| interval_micros(turns, 2)), [100, 20_000]);
        assert_eq!(interval_micros(200, 16), 2_500);
    }
}
