//! The measurements: `make bench`, or some of them: `make bench BENCH="append relay --quick"`.
//!
//! Each file says what it measures. Nothing is expected of the figures: they are printed, and written
//! to `bench/results.json` in cargo's target folder.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "it runs at a terminal, and what goes wrong ends the measurement"
)]

mod append;
mod compaction;
mod connections;
mod crashes;
mod flask;
mod followers;
mod latency;
mod planner;
mod process;
mod prose;
mod reads;
mod relay;
mod report;
mod samples;
mod sessions;
mod stores;
mod tokens;
mod upstream;

use std::env;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;

use report::{Bench, Row, Rows};

/// What can be measured.
struct Subject {
    name: &'static str,
    about: &'static str,
    measure: fn(Bench) -> LocalBoxFuture<'static, ()>,
}

const SUBJECTS: [Subject; 11] = [
    Subject {
        name: "append",
        about: "a message of 500 characters appended to a conversation that has many",
        measure: |bench| append::measure(bench).boxed_local(),
    },
    Subject {
        name: "reading",
        about: "opening, listing and searching what has grown large, one call at a time",
        measure: |bench| reads::measure(bench).boxed_local(),
    },
    Subject {
        name: "sessions",
        about: "a session saved and found again",
        measure: |bench| sessions::measure(bench).boxed_local(),
    },
    Subject {
        name: "relay",
        about: "an answer of 200 chunks, through the server and straight from its upstream",
        measure: |bench| relay::measure(bench).boxed_local(),
    },
    Subject {
        name: "latency",
        about: "a chunk from its upstream to who reads it, by way of the log in the process or on Redis",
        measure: |bench| latency::measure(bench).boxed_local(),
    },
    Subject {
        name: "deaths",
        about: "from kill -9 of an instance until it is told at the other that its turns are over",
        measure: |bench| crashes::measure(bench).boxed_local(),
    },
    Subject {
        name: "followers",
        about: "an answer of 200 chunks, 5 ms apart, to 100 clients of one conversation",
        measure: |bench| followers::measure(bench).boxed_local(),
    },
    Subject {
        name: "connections",
        about: "the server's memory for connections on which nothing is said",
        measure: |bench| connections::measure(bench).boxed_local(),
    },
    Subject {
        name: "planner",
        about: "what goes to a model with a window of 128 000 tokens, chosen from a conversation",
        measure: |bench| planner::measure(bench).boxed_local(),
    },
    Subject {
        name: "tokens",
        about: "tokens counted in prose and code, on one core",
        measure: |bench| tokens::measure(bench).boxed_local(),
    },
    Subject {
        name: "compaction",
        about: "what a long conversation asks of the model, in a window of 8 000 tokens",
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
        eprintln!("{unknown} is not measured. There is --quick, and:");
        for Subject { name, about, .. } in SUBJECTS {
            eprintln!("  {name:<12}{about}");
        }
        return ExitCode::FAILURE;
    }
    let rows = Rows::default();
    let mut all_well = true;
    for subject in SUBJECTS {
        if names.is_empty() || names.contains(&subject.name) {
            all_well &= run(subject, is_quick, &rows).await;
        }
    }
    println!("\nWritten to {}", report::write(&rows, is_quick).display());
    if all_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether the measurement came to its end. Where one does not, the others are still made.
async fn run(subject: Subject, is_quick: bool, rows: &Rows) -> bool {
    println!("\n{}: {}", subject.name, subject.about);
    let bench = Bench::new(subject.name, is_quick, rows);
    let ended = AssertUnwindSafe((subject.measure)(bench.clone())).catch_unwind().await;
    if ended.is_err() {
        bench.add(Row::of("broken off").note("why stands above"));
    }
    ended.is_ok()
}
