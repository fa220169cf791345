//! Attacks on the server while others use it. Eight clients, each with its own address, repeat all attacks at the
//! same time: expensive searches, large imports, uploads and pages, new users, summaries, endless answers, slow
//! bodies, unread responses, live connections and large frames. Six honest users, each with its own address, use
//! the server at the same time. All settings have their defaults.

mod attacker;
mod attackers;
mod attacks;
mod connections;
mod honest;
mod import_file;
mod upstream;
mod usage;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;
use webchat_tests::Process;

use self::attacker::Tally;
use self::honest::{OPERATIONS, Sample, User};
use self::upstream::{ModelUsage, Upstream};
use self::usage::{Usage, count_lines};
use crate::support::report::{BenchContext, Row};
use crate::support::samples::Samples;
use crate::support::stores::{MongoTestDatabase, required_variable};

/// All settings and, commented out, their defaults.
const SETTINGS: &str = include_str!("../../../.env.example");

pub(crate) async fn measure(bench: BenchContext) {
    measure_store(&bench, "SQLite", &[]).await;
    let mongo = MongoTestDatabase::new().await;
    let redis = required_variable("TEST_REDIS_URL");
    let settings = [("MONGODB_URI", mongo.uri.as_str()), ("REDIS_URL", redis.as_str())];
    measure_store(&bench, "MongoDB and Redis", &settings).await;
    mongo.remove().await;
}

async fn measure_store(bench: &BenchContext, store: &'static str, settings: &[(&str, &str)]) {
    let (mut trial, mut users) = Trial::start(bench, store, settings).await;
    let accounts = attackers::sign_up(&trial.server, bench.full_or_quick(300, 30)).await;
    let tally = Tally::default();
    let attack_duration = seconds(bench.full_or_quick(120, 15));

    trial.run_phase("before", &mut users, seconds(bench.full_or_quick(30, 5))).await;
    let attack = attackers::attack(accounts, &tally, attack_duration);
    trial.run_phase("during", &mut users, attack_duration).await;
    attack.join().unwrap();
    trial.run_phase("after", &mut users, seconds(bench.full_or_quick(60, 10))).await;

    trial.report_attacks(&tally);
    trial.server.kill().await;
}

/// The settings with their default values.
fn default_settings() -> impl Iterator<Item = (&'static str, &'static str)> {
    let is_name = |name: &str| name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    let settings = SETTINGS.lines().filter_map(|line| line.strip_prefix('#')?.split_once('='));
    settings.filter(move |(name, value)| is_name(name) && !value.is_empty())
}

/// Lists the distinct errors with their counts.
fn list_errors(errors: &[&str]) -> String {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for error in errors {
        *counts.entry(error).or_default() += 1;
    }
    let counts: Vec<String> =
        counts.iter().map(|(error, count)| format!("{count} × {error}")).collect();
    format!("{} failed: {}", errors.len(), counts.join(", "))
}

fn minutes(duration: Duration) -> f64 {
    duration.as_secs_f64() / 60.0
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A server that is attacked and used at the same time.
struct Trial {
    bench: BenchContext,
    store: &'static str,
    server: Process,
    upstream: Upstream,
    data_dir: PathBuf,
    _dir: TempDir,
}

impl Trial {
    async fn start(
        bench: &BenchContext,
        store: &'static str,
        settings: &[(&str, &str)],
    ) -> (Self, Vec<User>) {
        let dir = tempfile::tempdir().unwrap();
        let data_dir = dir.path().join("data");
        fs::create_dir(&data_dir).unwrap();
        let upstream = Upstream::start();
        let required = [
            ("AZURE_API_URL", upstream.url.as_str()),
            ("DATA_DIR", data_dir.to_str().unwrap()),
            ("PORT", "0"),
            ("LOG_FORMAT", "json"),
        ];
        let defaults: Vec<_> = default_settings().collect();
        let settings = [&defaults, &required[..], settings].concat();
        let server = Process::start(&data_dir, &settings).await;
        let users = honest::sign_up(&server).await;
        let bench = bench.clone();
        (Self { bench, store, server, upstream, data_dir, _dir: dir }, users)
    }

    /// Lets the users work for this time. Reports their operations and the server's resource usage.
    async fn run_phase(&mut self, phase: &str, users: &mut [User], duration: Duration) {
        let (log_start, usage_before) = (self.server.log().len(), self.upstream.usage());
        let peak = Usage::peak(self.server.id(), &self.data_dir, duration);
        let (samples, peak) = tokio::join!(honest::work(users, duration), peak);
        let end = Usage::now(self.server.id(), &self.data_dir);
        self.report_operations(phase, &samples);
        self.bench.add(
            self.row(phase, "the server")
                .figure("memory", peak.memory, "MB")
                .figure("at the end", end.memory, "MB")
                .figure("disk", peak.disk, "MB")
                .figure("disk at the end", end.disk, "MB"),
        );
        self.report_model_usage(phase, usage_before, duration);
        self.report_log(phase, &self.server.log().split_off(log_start), duration);
    }

    fn report_model_usage(&self, phase: &str, before: ModelUsage, duration: Duration) {
        let now = self.upstream.usage();
        let per_minute = |count: u32| (f64::from(count) / minutes(duration)).round();
        self.bench.add(
            self.row(phase, "the model")
                .figure("requests", per_minute(now.requests - before.requests), "/min")
                .figure("tokens", per_minute(now.tokens - before.tokens), "/min"),
        );
    }

    fn report_log(&self, phase: &str, log: &str, duration: Duration) {
        let per_minute = |count: u32| (f64::from(count) / minutes(duration)).round();
        let kilobytes = u32::try_from(log.len() / 1_000).unwrap();
        let row = self.row(phase, "the log");
        self.bench.add(row.figure("size", per_minute(kilobytes), "kB/min"));
        for (kind, lines) in count_lines(log) {
            let row = self.row(phase, "the log").figure("lines", per_minute(lines), "/min");
            self.bench.add(row.note(kind));
        }
    }

    fn report_operations(&self, phase: &str, samples: &[Sample]) {
        for operation in OPERATIONS {
            let samples = samples.iter().filter(|sample| sample.operation == operation);
            let errors: Vec<&str> =
                samples.clone().filter_map(|sample| sample.error.as_deref()).collect();
            let durations: Samples = samples.map(|sample| sample.duration).collect();
            let max = durations.percentile_ms(100);
            let row = self.row(phase, operation).times(&durations).figure("max", max, "ms");
            self.bench.add(if errors.is_empty() { row } else { row.note(list_errors(&errors)) });
        }
    }

    /// Reports the outcomes of the attacks' requests.
    fn report_attacks(&self, tally: &Tally) {
        for attack in &attacks::ATTACKS {
            let tally = tally.lock().unwrap();
            let outcomes = tally.iter().filter(|((name, _), _)| *name == attack.name);
            let outcomes: Vec<String> =
                outcomes.map(|((_, outcome), count)| format!("{count} × {outcome}")).collect();
            self.bench.add(self.row("attack", attack.name).note(outcomes.join(", ")));
        }
    }

    fn row(&self, phase: &str, case: &str) -> Row {
        Row::new(format!("{}, {phase}, {case}", self.store))
    }
}
