//! Measures the server's share of the time until the first text of an answer.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::metrics::Timing;

/// Measures the time that a turn takes to publish the first text of its answer, excluding the time that it waits
/// for the model.
pub(crate) struct FirstTextTimer {
    started_at: Instant,
    waited: Mutex<Duration>,
}

impl FirstTextTimer {
    /// Starts the timer with the turn's start time.
    pub(crate) fn start(started_at: Instant) -> Self {
        Self { started_at, waited: Mutex::default() }
    }

    /// Excludes a duration in which the turn has waited for the model.
    pub(crate) fn exclude(&self, duration: Duration) {
        let mut waited = self.waited.lock().unwrap_or_else(PoisonError::into_inner);
        *waited = waited.saturating_add(duration);
    }

    /// Records the server's share. Call it when the first text is published.
    pub(crate) fn end(&self) {
        let waited = *self.waited.lock().unwrap_or_else(PoisonError::into_inner);
        Timing::FirstTextOverhead.record(self.started_at.elapsed().saturating_sub(waited));
    }
}
