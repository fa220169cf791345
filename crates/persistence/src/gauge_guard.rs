//! A gauge of the metrics that counts what is under way. It is here because all crates with such metrics depend on this one.

use metrics::Gauge;

/// Counts towards a gauge until it is dropped.
pub struct GaugeGuard(Gauge);

impl GaugeGuard {
    /// Counts one more.
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
