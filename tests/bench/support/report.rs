//! The results of the benchmarks, printed as a table and written as JSON.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::{env, fs, thread};

use serde::Serialize;
use serde_json::{Value, json};
use webchat_domain::{Clock, SystemClock};

use crate::support::samples::Samples;

/// All results so far.
pub(crate) type Rows = Arc<Mutex<Vec<Value>>>;

/// The options of a benchmark, and the rows of its results.
#[derive(Clone)]
pub(crate) struct BenchContext {
    benchmark: &'static str,
    is_quick: bool,
    rows: Rows,
}

/// A row of the table.
#[derive(Serialize)]
pub(crate) struct Row {
    case: String,
    figures: Vec<Figure>,
    note: String,
}

#[derive(Serialize)]
struct Figure {
    name: &'static str,
    value: f64,
    unit: &'static str,
}

impl BenchContext {
    pub(crate) fn new(benchmark: &'static str, is_quick: bool, rows: &Rows) -> Self {
        Self { benchmark, is_quick, rows: Arc::clone(rows) }
    }

    /// Returns `quick` if the benchmarks run with `--quick`, otherwise `full`.
    pub(crate) fn full_or_quick<T>(&self, full: T, quick: T) -> T {
        if self.is_quick { quick } else { full }
    }

    pub(crate) fn add(&self, row: Row) {
        let figures: Vec<String> = row.figures.iter().map(Figure::format).collect();
        println!("  {:<64}{}  {}", row.case, figures.join(""), row.note);
        let mut value = serde_json::to_value(row).unwrap();
        value["subject"] = self.benchmark.into();
        self.rows.lock().unwrap().push(value);
    }
}

impl Row {
    pub(crate) fn new(case: impl Into<String>) -> Self {
        Self { case: case.into(), figures: Vec::new(), note: String::new() }
    }

    pub(crate) fn figure(mut self, name: &'static str, value: f64, unit: &'static str) -> Self {
        self.figures.push(Figure { name, value, unit });
        self
    }

    /// Adds the median, the 99th percentile and the number of samples.
    pub(crate) fn times(self, samples: &Samples) -> Self {
        self.figure("p50", samples.percentile_ms(50), "ms")
            .figure("p99", samples.percentile_ms(99), "ms")
            .note(format!("of {}", samples.count()))
    }

    /// Adds a note about the figures.
    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }
}

impl Figure {
    fn format(&self) -> String {
        format!("  {} {:>9} {}", self.name, format_number(self.value), self.unit)
    }
}

/// Formats integers completely and other numbers with at least three digits, with spaces between thousands.
fn format_number(value: f64) -> String {
    let is_integer = value.fract() == 0.0;
    let bounds = [100.0, 10.0, 1.0, 0.1];
    let decimals = bounds.iter().filter(|&&bound| !is_integer && value < bound).count();
    let text = format!("{value:.decimals$}");
    let (integer, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let (head, tail) = integer.split_at(integer.len() % 3);
    let groups = tail.as_bytes().chunks(3).map(|group| str::from_utf8(group).unwrap());
    let integer: Vec<&str> =
        [head].into_iter().filter(|head| !head.is_empty()).chain(groups).collect();
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{}{point}{fraction}", integer.join(" "))
}

/// Writes the results as JSON. Returns the file's path.
pub(crate) fn write(rows: &Rows, is_quick: bool) -> PathBuf {
    let path = results_dir().join("results.json");
    let results = json!({
        "date": SystemClock.now(),
        "revision": output_of("git", &["describe", "--always", "--dirty", "--abbrev=12"]),
        "machine": {
            "processor": first_value("/proc/cpuinfo", "model name"),
            "cores": thread::available_parallelism().map_or(0, usize::from),
            "memory": first_value("/proc/meminfo", "MemTotal"),
            "kernel": output_of("uname", &["-sr"]),
        },
        "quick": is_quick,
        "measurements": *rows.lock().unwrap(),
    });
    fs::write(&path, format!("{results:#}\n")).unwrap();
    path
}

/// The directory `bench` in cargo's target directory, which also contains this program.
pub(crate) fn results_dir() -> PathBuf {
    let program = env::current_exe().unwrap();
    let dir = program.ancestors().nth(3).unwrap().join("bench");
    fs::create_dir_all(&dir).unwrap();
    dir
}

/// The standard output of a program; empty if it failed to run.
fn output_of(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(
        |_| String::new(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}

/// The value of the first line with this name in a file in `/proc`.
fn first_value(path: &str, name: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.split_once(':'));
    value.map_or_else(String::new, |(_, value)| value.trim().to_owned())
}
