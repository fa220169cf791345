//! The figures that `make soak` collects.

use std::env;
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::json;

/// A row of the table that `make soak` prints: the subject, the number of iterations and the outcome. A
/// test that fails before it calls [`SoakStats::finish`] still gets a row.
pub struct SoakStats {
    what: &'static str,
    started: Instant,
    /// The number of iterations and the outcome.
    result: Option<(u32, String)>,
}

impl SoakStats {
    /// Starts the clock.
    #[must_use]
    pub fn start(what: &'static str) -> Self {
        Self { what, started: Instant::now(), result: None }
    }

    /// Records the number of iterations and the outcome.
    pub fn finish(mut self, times: u32, outcome: impl Into<String>) {
        self.result = Some((times, outcome.into()));
    }
}

impl Drop for SoakStats {
    /// Appends the row to the file of `make soak`; `make test` has none.
    fn drop(&mut self) {
        let (times, outcome) = self.result.take().unzip();
        let row = json!({
            "what": self.what, "times": times, "outcome": outcome,
            "seconds": self.started.elapsed().as_secs_f64(),
        });
        if let Some(path) = soak_file() {
            let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
            file.write_all(format!("{row}\n").as_bytes()).unwrap();
        }
    }
}

/// The number of iterations of a randomised test, or its duration in seconds: `short` in `make test`,
/// `long` in `make soak`.
#[must_use]
pub fn iterations(short: u32, long: u32) -> u32 {
    if soak_file().is_some() { long } else { short }
}

/// Formats a duration as "1.2 s".
#[must_use]
pub fn format_seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// The file from which `make soak` prints its table.
#[expect(clippy::disallowed_methods, reason = "`make soak` sets it")]
fn soak_file() -> Option<OsString> {
    env::var_os("SOAK")
}
