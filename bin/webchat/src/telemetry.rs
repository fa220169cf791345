//! The log, one line an event on standard error, and the metrics.

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
/// When it was started before.
pub fn init(format: LogFormat, level: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
    let filter = EnvFilter::try_new(level)?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr);
    match format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    }
}

/// Starts to record what is measured, once in a process, and answers who writes it down.
///
/// # Errors
/// When something else records it already.
pub fn metrics() -> io::Result<Metrics> {
    static RECORDED: OnceLock<PrometheusHandle> = OnceLock::new();
    if RECORDED.get().is_none() {
        let recorder = PrometheusBuilder::new().install_recorder().map_err(io::Error::other)?;
        // Somebody who was quicker has installed the same.
        let _ = RECORDED.set(recorder);
    }
    Ok(Arc::new(|| RECORDED.get().map(PrometheusHandle::render).unwrap_or_default()))
}
