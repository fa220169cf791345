//! The resource usage of the server: memory, disk space and log lines.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::time::sleep;

use crate::support::process::memory_kb;

const INTERVAL: Duration = Duration::from_millis(250);

/// The memory and the disk space that the server uses, in megabytes.
#[derive(Clone, Copy, Default)]
pub(super) struct Usage {
    pub(super) memory: f64,
    pub(super) disk: f64,
}

impl Usage {
    pub(super) fn now(pid: u32, data_dir: &Path) -> Self {
        Self { memory: memory_kb(pid) / 1_000.0, disk: megabytes(data_dir) }
    }

    /// Measures for this time. Returns the peak of each value.
    pub(super) async fn peak(pid: u32, data_dir: &Path, duration: Duration) -> Self {
        let end = Instant::now() + duration;
        let mut peak = Self::default();
        while Instant::now() < end {
            let now = Self::now(pid, data_dir);
            peak = Self { memory: peak.memory.max(now.memory), disk: peak.disk.max(now.disk) };
            sleep(INTERVAL).await;
        }
        peak
    }
}

fn megabytes(dir: &Path) -> f64 {
    let entries = fs::read_dir(dir).unwrap().flatten();
    // A file may be deleted in the meantime.
    let sizes = entries.filter_map(|entry| {
        let metadata = entry.metadata().ok()?;
        if metadata.is_dir() {
            return Some(megabytes(&entry.path()));
        }
        let kilobytes = u32::try_from(metadata.len() / 1_000).unwrap();
        Some(f64::from(kilobytes) / 1_000.0)
    });
    sizes.sum()
}

/// Counts the lines of each kind in a log in JSON.
pub(super) fn count_lines(log: &str) -> BTreeMap<String, u32> {
    let mut counts = BTreeMap::new();
    for line in log.lines() {
        *counts.entry(kind(line)).or_default() += 1;
    }
    counts
}

/// The kind of a line: its level and message, and the kind or code of the event.
fn kind(line: &str) -> String {
    let Ok(line) = serde_json::from_str::<Value>(line) else { return "not JSON".to_owned() };
    let fields = ["level", "message", "kind", "code"].map(|name| line[name].as_str());
    let kind: Vec<&str> = fields.into_iter().flatten().collect();
    kind.join(" ").chars().take(80).collect()
}
