//! How often a turn may publish a chunk of its answer.

use std::num::NonZero;
use std::sync::{Arc, LazyLock};
use std::thread::available_parallelism;
use std::time::Duration;

use tokio::time::Instant;

/// The number of chunks that are published as soon as they arrive.
const PROMPT_CHUNKS: u32 = 64;

/// The minimum mean time between two chunks of a turn after the first ones.
pub(super) const MIN_INTERVAL: Duration = Duration::from_millis(5);

/// The number of chunks after which the minimum is [`LONG_INTERVAL`].
const FAST_CHUNKS: u32 = 4 * 1024;
const LONG_INTERVAL: Duration = Duration::from_millis(20);

/// The number of chunks after which a turn publishes at most one chunk per [`RARE_INTERVAL`]. Together with the bound on
/// the text, this bounds the memory of the log for a turn.
const FREQUENT_CHUNKS: u32 = 16 * 1024;
pub(super) const RARE_INTERVAL: Duration = Duration::from_secs(1);

/// The processor time for each chunk. All turns of this process together publish no more chunks than all processors can
/// process, after the first ones of each turn. A chunk takes about half of this time (see `docs/performance.md`).
const TIME_PER_CHUNK: Duration = Duration::from_micros(200);

/// The number of processors that this process can use.
static PROCESSORS: LazyLock<u32> = LazyLock::new(|| {
    let processors = available_parallelism().map_or(1, NonZero::get);
    u32::try_from(processors).unwrap_or(u32::MAX)
});

/// Counts the publishers of this process: each has a clone.
#[derive(Clone, Default)]
pub(crate) struct Publishers(Arc<()>);

/// The pace of one publisher.
pub(super) struct Pace<'a> {
    publishers: &'a Publishers,
    chunks: u32,
    due: Instant,
}

impl Publishers {
    /// Returns the mean time between two chunks of each publisher that keeps the processors half busy.
    fn interval(&self, processors: u32) -> Duration {
        let publishers = u32::try_from(Arc::strong_count(&self.0)).unwrap_or(u32::MAX);
        TIME_PER_CHUNK.saturating_mul(publishers) / processors
    }
}

impl<'a> Pace<'a> {
    pub(super) fn new(publishers: &'a Publishers) -> Self {
        Self { publishers, chunks: 0, due: Instant::now() }
    }

    /// Counts a published chunk. Returns when the next one may be published. A late chunk does not delay later ones.
    pub(super) fn next_due(&mut self) -> Instant {
        self.chunks = self.chunks.saturating_add(1);
        let busy = || self.publishers.interval(*PROCESSORS);
        let interval = match self.chunks {
            0..PROMPT_CHUNKS => Duration::ZERO,
            PROMPT_CHUNKS..FAST_CHUNKS => busy().max(MIN_INTERVAL),
            FAST_CHUNKS..FREQUENT_CHUNKS => busy().max(LONG_INTERVAL),
            FREQUENT_CHUNKS.. => busy().max(RARE_INTERVAL),
        };
        self.due = (self.due + interval).max(Instant::now());
        self.due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_rarer_while_many_turns_run() {
        let interval_micros = |turns: usize, processors| {
            let publishers = Publishers::default();
            // The original counts as well.
            let _turns: Vec<_> = (1..turns).map(|_| publishers.clone()).collect();
            publishers.interval(processors).as_micros()
        };

        assert_eq!([1, 200].map(|turns| interval_micros(turns, 2)), [100, 20_000]);
        assert_eq!(interval_micros(200, 16), 2_500);
    }
}
