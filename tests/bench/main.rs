//! The benchmarks. `make bench` runs all of them; `make bench BENCH="append relay --quick"` runs these two with
//! small amounts of data.
//!
//! The documentation of each module says what it measures. There are no thresholds: the results are printed and written to
//! `bench/results.json` in cargo's target directory.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "the program runs in a terminal, and a panic ends the benchmark"
)]

mod append;
mod attack;
mod compaction;
mod connections;
mod crashes;
mod latency;
mod planner;
mod reads;
mod relay;
mod sessions;
mod streams;
mod subscribers;
mod support;
mod tokens;
mod turns;
mod users;

use std::env;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;

use support::report::{BenchContext, Row, Rows, write};

struct Benchmark {
    name: &'static str,
    description: &'static str,
    measure: fn(BenchContext) -> LocalBoxFuture<'static, ()>,
}

const BENCHMARKS: [Benchmark; 15] = [
    Benchmark {
        name: "append",
        description: "appending a message of 500 characters to a long conversation",
        measure: |bench| append::measure(bench).boxed_local(),
    },
    Benchmark {
        name: "reads",
        description: "opening, listing and searching large stores, one call at a time",
        measure: |bench| reads::measure(bench).boxed_local(),
    },
    Benchmark {
        name: "sessions",
        description: "saving and finding a session",
        measure: |bench| sessions::measure(bench).boxed_local(),
    },
    Benchmark {
        name: "users",
        description: "listing the accounts of a store with 100 000 of them, with each filter of the admin area",
        measure: |bench| users::measure(bench).boxed_local(),
    },
    Benchmark {
        name: "relay",
        description: "an answer of 200 chunks, through the server and directly from the upstream",
        measure: |bench| relay::measure(bench).boxed_local(),
    },
    Benchmark {
        name: "turns",
        description: "as many turns as possible, with 1 to 400 clients: throughput, times, processor time, writes, memory",
        measure: |bench| turns::measure(bench).boxed_local(),
    },
    Benchmark {
        name: "latency",
        description: "the time of a chunk from the upstream to a subscriber, with the turn log in the process or on Redis",
        measure: |bench| latency::measure(bench).boxed_local(),
    },
    Benchmark {
        name: "streams",
        description: "the gaps between the chunks of 200 concurrent answers with 50 chunks per second each",
        measure: |bench| streams::measure(bench).boxed_local(),
    },
    Benchmark {
        name: "crashes",
        description: "the time from kill -9 of an instance until the other one publishes the end of its turns",
        measure: |bench| crashes::measure(bench).boxed_local(),
    },
    Benchmark {
        name: "subscribers",
        description: "an answer of 200 chunks, 5 ms apart, to 100 clients of one conversation",
        measure: |bench| subscribers::measure(bench).boxed_local(),
    },
    Benchmark {
        name: "connections",
        description: "the server's memory for idle connections",
        measure: |bench| connections::measure(bench).boxed_local(),
    },
    Benchmark {
        name: "planner",
        description: "choosing a conversation's messages for a model with a window of 128 000 tokens",
        measure: |bench| planner::measure(bench).boxed_local(),
    },
    Benchmark {
        name: "tokens",
        description: "counting tokens in prose and code, on one core",
        measure: |bench| tokens::measure(bench).boxed_local(),
    },
    Benchmark {
        name: "compaction",
        description: "requests to the model in a long conversation, with a window of 8 000 tokens",
        measure: |bench| compaction::measure(bench).boxed_local(),
    },
    Benchmark {
        name: "attack",
        description: "the requests of six users before, during and after attacks of eight clients",
        measure: |bench| attack::measure(bench).boxed_local(),
    },
];

#[tokio::main]
async fn main() -> ExitCode {
    // Cargo adds `--bench`.
    let arguments: Vec<String> =
        env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let is_quick = arguments.iter().any(|argument| argument == "--quick");
    let names: Vec<&str> =
        arguments.iter().map(String::as_str).filter(|&argument| argument != "--quick").collect();
    let is_known = |name| BENCHMARKS.iter().any(|benchmark| benchmark.name == name);
    if let Some(unknown) = names.iter().find(|&&name| !is_known(name)) {
        eprintln!(
            "unknown benchmark {unknown}; the only option is --quick, and the benchmarks are:"
        );
        for Benchmark { name, description, .. } in BENCHMARKS {
            eprintln!("  {name:<12}{description}");
        }
        return ExitCode::FAILURE;
    }
    let rows = Rows::default();
    let mut succeeded = true;
    for benchmark in BENCHMARKS {
        if names.is_empty() || names.contains(&benchmark.name) {
            succeeded &= run(benchmark, is_quick, &rows).await;
        }
    }
    println!("\nWritten to {}", write(&rows, is_quick).display());
    if succeeded { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs a benchmark. Returns whether it succeeded. Catches panics, so that the next benchmark runs.
async fn run(benchmark: Benchmark, is_quick: bool, rows: &Rows) -> bool {
    println!("\n{}: {}", benchmark.name, benchmark.description);
    let bench = BenchContext::new(benchmark.name, is_quick, rows);
    let result = AssertUnwindSafe((benchmark.measure)(bench.clone())).catch_unwind().await;
    if result.is_err() {
        bench.add(Row::new("failed").note("see the error above"));
    }
    result.is_ok()
}
