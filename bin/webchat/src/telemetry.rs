//! The log, with one line per event on standard error and in the log file.

use std::error::Error;
use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::{BoxMakeWriter, MakeWriterExt};

use crate::LogFormat;
use crate::log_file::LogFile;

/// Starts the log of this process.
///
/// # Errors
/// If the log has already been started.
pub fn init_log(
    format: LogFormat,
    level: &str,
    file: Option<LogFile>,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let filter = EnvFilter::try_new(filter_directives(level))?;
    let writer = match file {
        Some(file) => BoxMakeWriter::new(file.and(io::stderr)),
        None => BoxMakeWriter::new(io::stderr),
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(writer)
        // These errors are printed to standard error, which panics if it can't be written, such as a file on a
        // full disk.
        .log_internal_errors(false);
    match format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    }
}

/// Returns the filter for this level of Webchat's own crates. Libraries log only warnings and errors, because some
/// log what clients sent on other levels. Two libraries are limited further, as any client can make them log
/// without limit: `actix_http` logs malformed requests, and `actix_session` refused cookies, which Webchat counts
/// as security events.
fn filter_directives(level: &str) -> String {
    let libraries = if level == "error" { "error" } else { "warn" };
    let malformed = if matches!(level, "debug" | "trace") { "error" } else { "off" };
    format!("{libraries},webchat={level},actix_http={malformed},actix_session=error")
}
