//! The metrics of the client, which `docs/metrics.md` describes.

use metrics::{counter, describe_counter, describe_gauge, gauge};

const RETRIES: &str = "webchat_model_retries_total";
const FAILOVERS: &str = "webchat_model_failovers_total";
const BREAKER_OPEN: &str = "webchat_model_breaker_open";

/// The label with the name of a deployment, which the operator chooses.
const DEPLOYMENT: &str = "deployment";

/// Describes the metrics of this crate to the recorder, and starts their series at 0. Call it once, after the recorder
/// is installed, and before a model is created, which starts the series of its deployments.
pub fn describe_metrics() {
    describe_counter!(RETRIES, "Requests to the model that were sent again");
    counter!(RETRIES).increment(0);
    describe_counter!(
        FAILOVERS,
        "Requests that went on to another deployment, by the one that failed"
    );
    describe_gauge!(BREAKER_OPEN, "Whether the circuit breaker rejects requests, by deployment");
}

pub(crate) fn count_retry() {
    counter!(RETRIES).increment(1);
}

pub(crate) fn count_failover(deployment: &str) {
    counter!(FAILOVERS, DEPLOYMENT => deployment.to_owned()).increment(1);
}

/// Starts the series of a deployment at 0.
pub(crate) fn start_series(deployment: &str) {
    counter!(FAILOVERS, DEPLOYMENT => deployment.to_owned()).increment(0);
    record_breaker(deployment, false);
}

pub(crate) fn record_breaker(deployment: &str, is_open: bool) {
    gauge!(BREAKER_OPEN, DEPLOYMENT => deployment.to_owned()).set(u8::from(is_open));
}
