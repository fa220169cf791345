//! The metrics of the client, which `docs/metrics.md` describes.

use metrics::{counter, describe_counter, describe_gauge, gauge};

const RETRIES: &str = "webchat_model_retries_total";
const BREAKER_OPEN: &str = "webchat_model_breaker_open";

/// Describes the metrics of this crate to the recorder, and starts their series at 0. Call it once, after the recorder
/// is installed.
pub fn describe_metrics() {
    describe_counter!(RETRIES, "Requests to the model that were sent again");
    counter!(RETRIES).increment(0);
    describe_gauge!(BREAKER_OPEN, "Whether the circuit breaker rejects requests to the model");
    gauge!(BREAKER_OPEN).set(0.0);
}

pub(crate) fn count_retry() {
    counter!(RETRIES).increment(1);
}

pub(crate) fn record_breaker(is_open: bool) {
    gauge!(BREAKER_OPEN).set(u8::from(is_open));
}
