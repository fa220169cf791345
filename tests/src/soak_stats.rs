//! The table of results that `make soak` prints.

use std::env;
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::json;

/// A row of the table: the subject, the number of iterations, the outcome and the duration. If a test fails before
/// it calls [`SoakStats::finish`], its row has no number and no outcome.
pub struct SoakStats {
    subject: &'static str,
    started_at: Instant,
    /// The number of iterations and the outcome.
    result: Option<(u32, String)>,
}

impl SoakStats {
    /// Starts to measure the duration.
    #[must_use]
    pub fn start(subject: &'static str) -> Self {
        Self { subject, started_at: Instant::now(), result: None }
    }

    /// Records the number of iterations and the outcome.
    pub fn finish(mut self, iterations: u32, outcome: impl Into<String>) {
        self.result = Some((iterations, outcome.into()));
    }
}

impl Drop for SoakStats {
    /// Appends the row to the file of `make soak`. In `make test`, there is no file.
    fn drop(&mut self) {
        let (iterations, outcome) = self.result.take().unzip();
        let row = json!({
            "subject": self.subject, "iterations": iterations, "outcome": outcome,
            "seconds": self.started_at.elapsed().as_secs_f64(),
        });
        if let Some(path) = soak_file() {
            let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
            file.write_all(format!("{row}\n").as_bytes()).unwrap();
        }
    }
}

/// Returns `short` in `make test` and `long` in `make soak`.
#[must_use]
pub fn test_or_soak(short: u32, long: u32) -> u32 {
    if soak_file().is_some() { long } else { short }
}

/// Formats a duration in seconds, for example as "1.2 s".
#[must_use]
pub fn format_seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// The path of the file from which `make soak` prints its table.
#[expect(clippy::disallowed_methods, reason = "`make soak` sets the variable")]
fn soak_file() -> Option<OsString> {
    env::var_os("SOAK")
}
