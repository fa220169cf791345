//! The turns that a server completes with 1, 20, 100 and 400 clients. Each client asks its next question as soon as its
//! answer is complete, in conversations of ten turns. The upstream sends the 200 chunks of an answer at once. Also
//! measures what a turn costs: processor time, context switches and writes of the server and of its databases, and
//! memory. Limits and titles are off.
//!
//! The clients, the upstream and the databases run on the same machine, so they take a part of its processor time.

mod client;
mod cost;
mod goals;
mod load;

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::time::sleep;
use webchat_tests::Process;

use self::client::Client;
use self::cost::{Cost, Pids};
use self::goals::{Goals, Measured};
use self::load::{Endpoint, Load, Outcome};
use crate::support::process::{memory_kb, peak_memory_mb};
use crate::support::report::{BenchContext, Row};
use crate::support::stores::{KEY, MongoTestDatabase, required_variable};
use crate::support::upstream::Upstream;

/// The time after which a server without work should have returned its memory.
const REST: Duration = Duration::from_mins(1);

/// The first turns load the tokenizer and open connections.
const WARM_UP: Load = Load { clients: 4, conversations: 1 };

pub(crate) async fn measure(bench: BenchContext) {
    let upstream = Upstream::start(None);
    let mut goals = Goals::default();
    for load in loads(&bench) {
        let outcome = ask_all(client::connect_directly(&upstream.url, load)).await;
        goals.record(Measured::Direct, load.clients, &outcome);
        bench.add(outcome.row(&format!("straight from the upstream, {} clients", load.clients)));
    }
    let mongo = MongoTestDatabase::new().await;
    let redis = required_variable("TEST_REDIS_URL");
    let settings = [("MONGODB_URI", mongo.uri.as_str()), ("REDIS_URL", redis.as_str())];
    for endpoint in [Endpoint::WebSocket, Endpoint::SocketIo] {
        measure_server(&bench, &mut goals, Measured::Sqlite, endpoint, &upstream, &[]).await;
        let measured = Measured::MongoAndRedis;
        measure_server(&bench, &mut goals, measured, endpoint, &upstream, &settings).await;
    }
    mongo.remove().await;
    goals.report(&bench);
}

fn loads(bench: &BenchContext) -> [Load; 4] {
    let load =
        |clients, full, quick| Load { clients, conversations: bench.full_or_quick(full, quick) };
    [load(1, 40, 10), load(20, 15, 4), load(100, 4, 1), load(400, 2, 1)]
}

async fn measure_server(
    bench: &BenchContext,
    goals: &mut Goals,
    measured: Measured,
    endpoint: Endpoint,
    upstream: &Upstream,
    settings: &[(&str, &str)],
) {
    let dir = tempfile::tempdir().unwrap();
    let unlimited = [
        ("AZURE_API_URL", upstream.url.as_str()),
        ("LOG_LEVEL", "error"),
        ("SECRET_KEY", KEY),
        ("WS_MESSAGES_PER_S", "100000"),
        ("DAILY_TOKENS_PER_USER", "0"),
        ("DAILY_TOKENS", "0"),
        ("MAX_TURNS", "100000"),
    ];
    let server = Process::start(dir.path(), &[&unlimited[..], settings].concat()).await;
    let pids = Pids::of(&server, settings).await;
    let memory_at_start = memory_kb(server.id());
    ask_all(client::connect(&server, endpoint, WARM_UP).await).await;
    for load in loads(bench) {
        let case = format!("{}, {endpoint:?}, {} clients", measured.name(), load.clients);
        let clients = client::connect(&server, endpoint, load).await;
        let before = Cost::now(&pids);
        let outcome = ask_all(clients).await;
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

/// Lets all clients ask their questions. They start at the same time.
async fn ask_all(clients: Vec<Client>) -> Outcome {
    let started = Instant::now();
    let times = join_all(clients.into_iter().map(Client::ask_all)).await.concat();
    Outcome::new(&times, started.elapsed())
}
