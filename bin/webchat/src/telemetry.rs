//! The log, with one line per event on standard error, and the metrics.

use std::error::Error;
use std::io::{self, IsTerminal};
use std::sync::{Arc, OnceLock};

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use webchat_transport::Metrics;

use crate::LogFormat;

/// Starts the log of this process.
///
/// # Errors
/// When it has been started already.
pub fn init(format: LogFormat, level: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
    let filter = EnvFilter::try_new(directives(level))?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr);
    match format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    }
}

/// The level is that of our own crates. Libraries log warnings and errors only: on other levels, some log
/// what clients sent. Two of them log what anybody can cause without end: malformed requests, and refused
/// cookies, which are counted as security events.
fn directives(level: &str) -> String {
    let libraries = if level == "error" { "error" } else { "warn" };
    let malformed = if matches!(level, "debug" | "trace") { "error" } else { "off" };
    format!("{libraries},webchat={level},actix_http={malformed},actix_session=error")
}

/// Starts recording metrics, once per process, and returns the function that renders them.
///
/// # Errors
/// When another recorder is installed.
pub fn metrics() -> io::Result<Metrics> {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    if RECORDER.get().is_none() {
        let recorder = PrometheusBuilder::new().install_recorder().map_err(io::Error::other)?;
        // Another thread may have set it first.
        let _ = RECORDER.set(recorder);
    }
    Ok(Arc::new(|| RECORDER.get().map(PrometheusHandle::render).unwrap_or_default()))
}
