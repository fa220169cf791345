//! The log, with one line per event on standard error and in the log file; metrics and traces.

mod layer;
pub mod log_file;
pub(crate) mod metrics;
#[cfg(feature = "otlp")]
pub(crate) mod traces;
#[cfg(not(feature = "otlp"))]
#[path = "telemetry/traces/none.rs"]
pub(crate) mod traces;

use std::error::Error;
use std::io::{self, IsTerminal};

use tracing_subscriber::fmt::writer::{BoxMakeWriter, MakeWriterExt};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt, registry};
use webchat_domain::TRACE_TARGET;

use self::layer::BoxedLayer;
use self::log_file::LogFile;
pub use self::traces::Traces;
use crate::{LogFormat, LogSettings};

/// Starts the log of this process, and the recording of traces if there are any.
///
/// # Errors
/// If the log has already been started.
pub fn init_log(
    settings: &LogSettings,
    file: Option<LogFile>,
    traces: Option<&Traces>,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let filter = EnvFilter::try_new(filter_directives(&settings.level))?;
    let writer = match file {
        Some(file) => BoxMakeWriter::new(file.and(io::stderr)),
        None => BoxMakeWriter::new(io::stderr),
    };
    let lines = fmt::layer()
        .with_ansi(io::stderr().is_terminal())
        .with_writer(writer)
        // The layer prints such errors to standard error, and panics if that fails, for example when standard error
        // is a file on a full disk.
        .log_internal_errors(false);
    let lines = match settings.format {
        LogFormat::Text => lines.with_filter(filter).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_filter(filter).boxed(),
    };
    let layers: Vec<BoxedLayer> = traces.map(Traces::layer).into_iter().chain([lines]).collect();
    Ok(registry().with(layers).try_init()?)
}

/// Returns the filter for this level of Webchat's own crates, without the spans for traces. Libraries log only warnings
/// and errors, because at other levels some of them log data sent by clients. Two libraries are limited further, because
/// any client can make them log without limit: `actix_http` logs malformed requests, and `actix_session` logs refused
/// cookies, which Webchat counts as security events.
fn filter_directives(level: &str) -> String {
    let libraries = if level == "error" { "error" } else { "warn" };
    let actix_http = if matches!(level, "debug" | "trace") { "error" } else { "off" };
    format!(
        "{libraries},webchat={level},{TRACE_TARGET}=off,actix_http={actix_http},actix_session=error"
    )
}
