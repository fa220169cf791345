//! The benchmarks: `make bench` runs all of them, `make bench BENCH="append relay --quick"` some, in small.
//!
//! Each file says what it measures. The results have no thresholds: they are printed and written to
//! `bench/results.json` in cargo's target folder.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "it runs in a terminal, and a panic ends the benchmark"
)]

mod append;
mod compaction;
mod connections;
mod crashes;
mod latency;
mod planner;
mod reads;
mod relay;
mod sessions;
mod subscribers;
mod support;
mod tokens;

use std::env;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;

use support::report::{Bench, Row, Rows, write};

/// A benchmark.
struct Subject {
    name: &'static str,
    about: &'static str,
    measure: fn(Bench) -> LocalBoxFuture<'static, ()>,
}

const SUBJECTS: [Subject; 11] = [
    Subject {
        name: "append",
        about: "a message of 500 characters appended to a long conversation",
        measure: |bench| append::measure(bench).boxed_local(),
    },
    Subject {
        name: "reads",
        about: "opening, listing and searching large stores, one call at a time",
        measure: |bench| reads::measure(bench).boxed_local(),
    },
    Subject {
        name: "sessions",
        about: "saving and finding a session",
        measure: |bench| sessions::measure(bench).boxed_local(),
    },
    Subject {
        name: "relay",
        about: "an answer of 200 chunks, through the server and directly from its upstream",
        measure: |bench| relay::measure(bench).boxed_local(),
    },
    Subject {
        name: "latency",
        about: "a chunk from its upstream to its reader, through the log in the process or on Redis",
        measure: |bench| latency::measure(bench).boxed_local(),
    },
    Subject {
        name: "crashes",
        about: "from kill -9 of an instance until the other one publishes the end of its turns",
        measure: |bench| crashes::measure(bench).boxed_local(),
    },
    Subject {
        name: "subscribers",
        about: "an answer of 200 chunks, 5 ms apart, to 100 clients of one conversation",
        measure: |bench| subscribers::measure(bench).boxed_local(),
    },
    Subject {
        name: "connections",
        about: "the server's memory for idle connections",
        measure: |bench| connections::measure(bench).boxed_local(),
    },
    Subject {
        name: "planner",
        about: "choosing a conversation's messages for a model with a window of 128 000 tokens",
        measure: |bench| planner::measure(bench).boxed_local(),
    },
    Subject {
        name: "tokens",
        about: "counting tokens in prose and code, on one core",
        measure: |bench| tokens::measure(bench).boxed_local(),
    },
    Subject {
        name: "compaction",
        about: "the model requests of a long conversation, with a window of 8 000 tokens",
        measure: |bench| compaction::measure(bench).boxed_local(),
    },
];

#[tokio::main]
async fn main() -> ExitCode {
    // Cargo adds `--bench`.
    let arguments: Vec<String> = env::args().skip(1).filter(|word| word != "--bench").collect();
    let is_quick = arguments.iter().any(|word| word == "--quick");
    let names: Vec<&str> =
        arguments.iter().map(String::as_str).filter(|&word| word != "--quick").collect();
    if let Some(unknown) = names.iter().find(|&&name| SUBJECTS.iter().all(|one| one.name != name)) {
        eprintln!("There is no benchmark {unknown}. There is --quick, and:");
        for Subject { name, about, .. } in SUBJECTS {
            eprintln!("  {name:<12}{about}");
        }
        return ExitCode::FAILURE;
    }
    let rows = Rows::default();
    let mut succeeded = true;
    for subject in SUBJECTS {
        if names.is_empty() || names.contains(&subject.name) {
            succeeded &= run(subject, is_quick, &rows).await;
        }
    }
    println!("\nWritten to {}", write(&rows, is_quick).display());
    if succeeded { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs a benchmark. Returns whether it succeeded; the others run in any case.
async fn run(subject: Subject, is_quick: bool, rows: &Rows) -> bool {
    println!("\n{}: {}", subject.name, subject.about);
    let bench = Bench::new(subject.name, is_quick, rows);
    let result = AssertUnwindSafe((subject.measure)(bench.clone())).catch_unwind().await;
    if result.is_err() {
        bench.add(Row::of("failed").note("see the error above"));
    }
    result.is_ok()
}
