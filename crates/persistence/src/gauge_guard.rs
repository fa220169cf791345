//! A guard that counts an operation in progress in a gauge of the metrics. It is in this crate because all crates with
//! such metrics depend on it.

use metrics::Gauge;

/// Counts towards a gauge until it is dropped.
pub struct GaugeGuard(Gauge);

impl GaugeGuard {
    /// Increments the gauge.
    #[must_use]
    pub fn new(gauge: Gauge) -> Self {
        gauge.increment(1);
        Self(gauge)
    }
}

impl Drop for GaugeGuard {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}
