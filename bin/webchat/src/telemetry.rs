//! Logging to standard error and to the log file, one line per event; metrics and traces.

mod audit;
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
use webchat_domain::{AUDIT_TARGET, TRACE_TARGET};

pub use self::audit::AuditOutput;
use self::layer::BoxedLayer;
use self::log_file::LogFile;
pub use self::traces::Traces;
use crate::{LogFormat, LogSettings};

/// Installs the global `tracing` subscriber. It logs to standard error and to `file`, writes the entries of the audit log
/// to `audit`, and records spans for `traces`.
///
/// # Errors
/// If `settings.level` is not a level of `tracing`, or if this process already has a global subscriber or logger.
pub fn init_log(
    settings: &LogSettings,
    file: Option<LogFile>,
    audit: Option<AuditOutput>,
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
        // Otherwise, the layer prints its own errors to standard error, and panics if that fails, for example because
        // standard error is a file on a full disk.
        .log_internal_errors(false);
    let lines = match settings.format {
        LogFormat::Text => lines.with_filter(filter).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_filter(filter).boxed(),
    };
    let others = traces.map(Traces::layer).into_iter().chain(audit.map(AuditOutput::layer));
    let layers: Vec<BoxedLayer> = others.chain([lines]).collect();
    Ok(registry().with(layers).try_init()?)
}

/// Returns the directives of an [`EnvFilter`] that logs Webchat's own crates at `level`, without the spans for traces and
/// the entries of the audit log.
/// Libraries log only warnings and errors, because at more verbose levels some of them log data that clients sent. Two
/// libraries are restricted further, because any client can make them log any number of lines: `actix_http` logs
/// malformed requests, and `actix_session` logs rejected cookies, which Webchat already logs as security events, at a
/// limited rate.
fn filter_directives(level: &str) -> String {
    let libraries = if level == "error" { "error" } else { "warn" };
    let actix_http = if matches!(level, "debug" | "trace") { "error" } else { "off" };
    format!(
        "{libraries},webchat={level},{TRACE_TARGET}=off,{AUDIT_TARGET}=off,actix_http={actix_http},actix_session=error"
    )
}
