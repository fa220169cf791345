//! Records the metrics of all crates, and renders them for Prometheus.

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use metrics::{describe_gauge, gauge};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;
use tokio::time::interval;
use webchat_transport::RenderMetrics;

const BUILD_INFO: &str = "webchat_build_info";

/// The upper bounds of histogram buckets for durations, in seconds.
const SECONDS: [f64; 16] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    60.0,
];

/// The upper bounds of buckets for the durations of requests, in seconds. There are fewer of them, because each route
/// has its own histogram.
const REQUEST_SECONDS: [f64; 9] = [0.0025, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];

/// The upper bounds of buckets for the speed of answers, in tokens per second.
const SPEEDS: [f64; 10] = [1.0, 5.0, 10.0, 20.0, 35.0, 50.0, 75.0, 100.0, 200.0, 500.0];

/// The upper bounds of buckets for the difference between the model's token count and Webchat's, in tokens.
const DIFFERENCES: [f64; 11] =
    [-1000.0, -100.0, -25.0, -5.0, -1.0, 0.0, 1.0, 5.0, 25.0, 100.0, 1000.0];

/// The interval at which recorded values are moved into their buckets. Until then, each value takes memory.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Starts recording metrics, unless this process already records them. Returns the function that renders them.
///
/// # Errors
/// If this process already has another recorder.
pub(crate) fn start() -> io::Result<RenderMetrics> {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    if HANDLE.get().is_none() {
        let handle = recorder().map_err(io::Error::other)?;
        describe();
        spawn_upkeep(handle.clone());
        // Can't fail: a recorder can be installed only once.
        let _ = HANDLE.set(handle);
    }
    let process = Collector::default();
    process.describe();
    Ok(Arc::new(move || {
        process.collect();
        HANDLE.get().map(PrometheusHandle::render).unwrap_or_default()
    }))
}

fn recorder() -> Result<PrometheusHandle, BuildError> {
    let full = |name: &str| Matcher::Full(name.to_owned());
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .set_buckets_for_metric(full("webchat_http_request_seconds"), &REQUEST_SECONDS)?
        .set_buckets_for_metric(full("webchat_model_tokens_per_second"), &SPEEDS)?
        .set_buckets_for_metric(full("webchat_prompt_tokens_difference"), &DIFFERENCES)?
        .install_recorder()
}

fn describe() {
    webchat_chat::describe_metrics();
    webchat_llm::describe_metrics();
    webchat_persistence_sqlite::describe_metrics();
    webchat_transport::describe_metrics();
    describe_gauge!(BUILD_INFO, "The version of this instance; always 1");
    gauge!(BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1);
}

#[expect(
    clippy::disallowed_methods,
    reason = "runs until the process ends, which may interrupt it"
)]
fn spawn_upkeep(handle: PrometheusHandle) {
    tokio::spawn(async move {
        let mut ticks = interval(UPKEEP_INTERVAL);
        loop {
            ticks.tick().await;
            handle.run_upkeep();
        }
    });
}
