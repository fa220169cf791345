//! The times between the chunks of an answer, with 200 answers at a time that each have 50 chunks per second. The
//! upstream's own times are measured beside them, in the same way.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::join_all;
use reqwest::Url;
use serde_json::json;
use tokio::time::sleep;
use webchat_llm::{ChatModel, Delta, HttpChatModel, HttpSettings};
use webchat_tests::{Process, Socket};

use crate::support::process::cpu_seconds;
use crate::support::report::{BenchContext, Row};
use crate::support::samples::Samples;
use crate::support::stores::{KEY, MongoTestDatabase, required_variable};
use crate::support::upstream::{CHUNKS, Upstream, ages, chat_request};

const STREAMS: u32 = 200;

/// The time between two chunks of an answer.
const INTERVAL: Duration = Duration::from_millis(20);

/// The time between the starts of two answers: they start evenly within the time of one, and their chunks come evenly
/// within an interval.
const STAGGER: Duration = Duration::from_micros(20_100);

const QUESTION: &str = "What time is it?";

/// When the chunks of one answer arrived.
#[derive(Default)]
struct Arrivals {
    /// The time from each chunk's sending by the upstream to its arrival.
    latencies: Vec<Duration>,
    /// The times between arrivals.
    gaps: Vec<Duration>,
    last: Option<Instant>,
}

pub(crate) async fn measure(bench: BenchContext) {
    let questions = bench.full_or_quick(3, 1);
    let upstream = Upstream::with_timestamps(INTERVAL);
    let direct = measure_upstream(&upstream.url, questions).await;
    bench.add(direct.row("straight from the upstream"));
    let mongo = MongoTestDatabase::new().await;
    let redis = required_variable("TEST_REDIS_URL");
    let settings = [("MONGODB_URI", mongo.uri.as_str()), ("REDIS_URL", redis.as_str())];
    for (store, settings) in [("SQLite", &[][..]), ("MongoDB and Redis", &settings)] {
        let (times, cpu) = measure_server(&upstream.url, settings, questions).await;
        let added =
            |percent| times.gaps.percentile_ms(percent) - direct.gaps.percentile_ms(percent);
        let row = times.row(store).figure("added gap p99", added(99), "ms");
        bench.add(row.figure("CPU for a chunk", cpu.as_secs_f64() * 1e6, "µs"));
    }
    mongo.remove().await;
}

struct Times {
    latencies: Samples,
    gaps: Samples,
}

impl Times {
    fn of(answers: &[Arrivals]) -> Self {
        let collect = |times: fn(&Arrivals) -> &Vec<Duration>| {
            answers.iter().flat_map(times).copied().collect()
        };
        Self {
            latencies: collect(|arrivals| &arrivals.latencies),
            gaps: collect(|arrivals| &arrivals.gaps),
        }
    }

    fn row(&self, case: &str) -> Row {
        Row::new(case)
            .figure("latency p50", self.latencies.percentile_ms(50), "ms")
            .figure("p99", self.latencies.percentile_ms(99), "ms")
            .figure("gap p50", self.gaps.percentile_ms(50), "ms")
            .figure("p99", self.gaps.percentile_ms(99), "ms")
    }
}

async fn measure_upstream(upstream: &Url, questions: u32) -> Times {
    let answers = join_all((0..STREAMS).map(async |stream| {
        let model = HttpChatModel::new(HttpSettings::new(upstream.clone())).unwrap();
        sleep(STAGGER * stream).await;
        let mut answers = Vec::new();
        for _ in 0..questions {
            let mut arrivals = Arrivals::default();
            let mut deltas = model.stream(chat_request(QUESTION)).await.unwrap();
            while let Some(delta) = deltas.next().await {
                if let Delta::Text(text) = delta.unwrap() {
                    arrivals.record(&text);
                }
            }
            answers.push(arrivals);
        }
        answers
    }));
    Times::of(&answers.await.into_iter().flatten().collect::<Vec<_>>())
}

/// Returns the times, and the server's processor time for a chunk.
async fn measure_server(
    upstream: &Url,
    settings: &[(&str, &str)],
    questions: u32,
) -> (Times, Duration) {
    let dir = tempfile::tempdir().unwrap();
    let defaults = [
        ("AZURE_API_URL", upstream.as_str()),
        ("LOG_LEVEL", "error"),
        ("SECRET_KEY", KEY),
        ("DAILY_TOKENS", "0"),
    ];
    let server = Process::start(dir.path(), &[&defaults[..], settings].concat()).await;
    let mut clients = Vec::new();
    for _ in 0..STREAMS {
        let browser = server.browser();
        let id = browser.start_conversation().await;
        clients.push((id, browser.connect().await));
    }
    let before = cpu_seconds(server.id());
    let answers = join_all(clients.into_iter().zip(0..).map(async |((id, mut socket), stream)| {
        sleep(STAGGER * stream).await;
        let mut answers = Vec::new();
        for _ in 0..questions {
            answers.push(ask(&id, &mut socket).await);
        }
        answers
    }))
    .await;
    let cpu = cpu_seconds(server.id()) - before;
    server.kill().await;
    let chunks = f64::from(STREAMS * questions * CHUNKS);
    let times = Times::of(&answers.into_iter().flatten().collect::<Vec<_>>());
    (times, Duration::from_secs_f64(cpu / chunks))
}

async fn ask(id: &str, socket: &mut Socket) -> Arrivals {
    socket.send("send_message", json!({"conversation_id": id, "message": QUESTION})).await;
    let mut arrivals = Arrivals::default();
    loop {
        let (event, data) = socket.receive().await;
        match event.as_str() {
            "response_chunk" => arrivals.record(data["chunk"].as_str().unwrap()),
            "error" => panic!("error event: {data}"),
            "token_usage" => return arrivals,
            _ => {}
        }
    }
}

impl Arrivals {
    /// Records the arrival of one chunk, or of several that were merged.
    fn record(&mut self, text: &str) {
        let now = Instant::now();
        self.latencies.extend(ages(text));
        self.gaps.extend(self.last.map(|last| now - last));
        self.last = Some(now);
    }
}
