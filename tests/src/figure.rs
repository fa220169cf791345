use std::env;
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::json;

/// A row of the table that `make soak` prints: what was done, how often, and what came of it. A test
/// that fails before it says so has a row all the same.
pub struct Figure {
    what: &'static str,
    began: Instant,
    /// How often, and what came of it.
    done: Option<(u32, String)>,
}

impl Figure {
    /// It is begun.
    #[must_use]
    pub fn of(what: &'static str) -> Self {
        Self { what, began: Instant::now(), done: None }
    }

    /// It was done so often, and this came of it.
    pub fn done(mut self, times: u32, outcome: impl Into<String>) {
        self.done = Some((times, outcome.into()));
    }
}

impl Drop for Figure {
    /// Nothing is written in `make test`.
    fn drop(&mut self) {
        let (times, outcome) = self.done.take().unzip();
        let row = json!({
            "what": self.what, "times": times, "outcome": outcome,
            "seconds": self.began.elapsed().as_secs_f64(),
        });
        if let Some(path) = soak() {
            let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
            file.write_all(format!("{row}\n").as_bytes()).unwrap();
        }
    }
}

/// How often something at random is tried, or for how many seconds: `short` in `make test`, `long` in
/// `make soak`.
#[must_use]
pub fn often(short: u32, long: u32) -> u32 {
    if soak().is_some() { long } else { short }
}

/// As "1.2 s".
#[must_use]
pub fn in_seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// The file that `make soak` makes its table of.
#[expect(clippy::disallowed_methods, reason = "how `make soak` tells that it is the one")]
fn soak() -> Option<OsString> {
    env::var_os("SOAK")
}
