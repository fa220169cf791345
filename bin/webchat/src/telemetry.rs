//! The log: one line an event on standard error.

use std::error::Error;
use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

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
