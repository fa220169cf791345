//! Writes the entries of the audit log that this instance appends to a file, or to standard output.

use std::fmt;
use std::io::{self, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::writer::{BoxMakeWriter, MakeWriter};
use tracing_subscriber::layer::Context;
use webchat_domain::AUDIT_TARGET;

use super::layer::BoxedLayer;
use super::log_file::LogFile;
use crate::AuditSettings;

/// What the file is called that stands for standard output.
const STDOUT: [&str; 2] = ["-", "stdout"];

/// Where the entries of the audit log are written.
pub struct AuditOutput(BoxMakeWriter);

impl AuditOutput {
    /// Starts the thread that writes the file. Returns `None` if no file is configured.
    ///
    /// # Errors
    /// If the system can't start a thread.
    pub fn start(settings: &AuditSettings) -> io::Result<Option<Self>> {
        let Some(path) = &settings.file else { return Ok(None) };
        if path.to_str().is_some_and(|path| STDOUT.contains(&path)) {
            return Ok(Some(Self(BoxMakeWriter::new(io::stdout))));
        }
        Ok(Some(Self(BoxMakeWriter::new(LogFile::start_audit(path)?))))
    }

    /// Returns the layer that writes the entries.
    pub(super) fn layer(self) -> BoxedLayer {
        let is_entry = |metadata: &Metadata<'_>| metadata.target() == AUDIT_TARGET;
        AuditLayer(self.0).with_filter(filter_fn(is_entry)).boxed()
    }
}

struct AuditLayer(BoxMakeWriter);

impl<S: Subscriber> Layer<S> for AuditLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = EntryLine::default();
        event.record(&mut line);
        // The database has the entry. If standard output can't be written, there is no better place to report it.
        let _ = self.0.make_writer().write_all(line.0.as_bytes());
    }
}

/// The field `entry` of an event, as a line.
#[derive(Default)]
struct EntryLine(String);

impl Visit for EntryLine {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "entry" {
            self.0 = format!("{value}\n");
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}
