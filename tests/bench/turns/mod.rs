//! The turns that a server completes with 1, 20, 100 and 400 clients. Each client asks its next question as soon as its
//! answer is complete, in conversations of ten turns. The upstream sends the 200 chunks of an answer at once. Also
//! measures what a turn costs: processor time, context switches and writes of the server and of its databases, and
//! memory. Limits and titles are off.
//!
//! The clients, the upstream and the databases run on the same machine, so they take a part of its processor time.

mod client;
mod cost;
mod goals;

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::time::sleep;
use webchat_tests::Process;

use self::client::{Client, TurnTimes};
use self::cost::{Cost, Pids};
use self::goals::{Goals, Measured};
use crate::support::process::{memory_kb, peak_memory_mb};
use crate::support::report::{BenchContext, Row};
use crate::support::samples::Samples;
use crate::support::stores::{KEY, MongoTestDatabase, required_variable};
use crate::support::upstream::Upstream;

/// The time after which a server without work should have returned its memory.
const REST: Duration = Duration::from_mins(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Endpoint {
    WebSocket,
    SocketIo,
}

/// A number of clients that ask at the same time, and the number of conversations of each client.
#[derive(Clone, Copy)]
struct Load {
    clients: u32,
    conversations: u32,
}

/// The result of a load.
struct Outcome {
    turns_per_second: f64,
    first_text: Samples,
    last_text: Samples,
}

pub(crate) async fn measure(bench: BenchContext) {
    let load =
        |clients, full, quick| Load { clients, conversations: bench.full_or_quick(full, quick) };
    let loads = [load(1, 40, 10), load(20, 15, 4), load(100, 4, 1), load(400, 2, 1)];
    let upstream = Upstream::start(None);
    let mut goals = Goals::default();
    for load in loads {
        let outcome = Outcome::of(client::connect_directly(&upstream.url, load)).await;
        goals.record(Measured::Direct, load.clients, &outcome);
        bench.add(outcome.row(&format!("straight from the upstream, {} clients", load.clients)));
    }
    let mongo = MongoTestDatabase::new().await;
    let redis = required_variable("TEST_REDIS_URL");
    let settings = [("MONGODB_URI", mongo.uri.as_str()), ("REDIS_URL", redis.as_str())];
    for endpoint in [Endpoint::WebSocket, Endpoint::SocketIo] {
        measure_server(&bench, &mut goals, Measured::Sqlite, endpoint, &upstream, loads, &[]).await;
        let measured = Measured::MongoAndRedis;
        measure_server(&bench, &mut goals, measured, endpoint, &upstream, loads, &settings).await;
    }
    mongo.remove().await;
    goals.report(&bench);
}

async fn measure_server(
    bench: &BenchContext,
    goals: &mut Goals,
    measured: Measured,
    endpoint: Endpoint,
    upstream: &Upstream,
    loads: [Load; 4],
    settings: &[(&str, &str)],
) {
    let dir = tempfile::tempdir().unwrap();
    let unlimited = [
        ("AZURE_API_URL", upstream.url.as_str()),
        ("LOG_LEVEL", "error"),
        ("SECRET_KEY", KEY),
        ("WS_MESSAGES_PER_S", "100000"),
        ("DAILY_TOKENS_PER_USER", "0"),
        ("DAILY_TOKENS_PER_ADDRESS", "0"),
        ("DAILY_TOKENS", "0"),
    ];
    let server = Process::start(dir.path(), &[&unlimited[..], settings].concat()).await;
    let pids = Pids::of(&server, settings).await;
    let memory_at_start = memory_kb(server.id());
    for load in loads {
        let case = format!("{}, {endpoint:?}, {} clients", measured.name(), load.clients);
        let clients = client::connect(&server, endpoint, load).await;
        let before = Cost::now(&pids);
        let outcome = Outcome::of(clients).await;
        let cost = Cost::now(&pids).since(&before);
        let turns = u32::try_from(outcome.last_text.count()).unwrap();
        bench.add(outcome.row(&case));
        bench.add(cost.row(format!("{case}, a turn"), turns));
        if endpoint == Endpoint::WebSocket {
            goals.record(measured, load.clients, &outcome);
            goals.record_cost(measured, load.clients, cost.server_cpu_ms(turns));
        }
    }
    sleep(bench.full_or_quick(REST, REST / 10)).await;
    let megabytes = |kilobytes: f64| kilobytes / 1_000.0;
    bench.add(
        Row::new(format!("{}, {endpoint:?}, memory", measured.name()))
            .figure("start", megabytes(memory_at_start), "MB")
            .figure("peak", peak_memory_mb(server.id()), "MB")
            .figure("at rest afterwards", megabytes(memory_kb(server.id())), "MB"),
    );
    server.kill().await;
}

impl Outcome {
    /// Lets all clients ask their questions. They start at the same time.
    async fn of(clients: Vec<Client>) -> Self {
        let started = Instant::now();
        let times = join_all(clients.into_iter().map(Client::ask_all)).await.concat();
        let seconds = started.elapsed().as_secs_f64();
        let turns = f64::from(u32::try_from(times.len()).unwrap());
        let samples = |time: fn(&TurnTimes) -> Duration| times.iter().map(time).collect();
        Self {
            turns_per_second: turns / seconds,
            first_text: samples(|turn| turn.first_text),
            last_text: samples(|turn| turn.last_text),
        }
    }

    fn row(&self, case: &str) -> Row {
        Row::new(case)
            .figure("turns", self.turns_per_second, "/s")
            .figure("first text p50", self.first_text.percentile_ms(50), "ms")
            .figure("p99", self.first_text.percentile_ms(99), "ms")
            .figure("last text p50", self.last_text.percentile_ms(50), "ms")
            .note(format!("of {}", self.last_text.count()))
    }
}
