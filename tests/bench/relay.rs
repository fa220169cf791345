//! The latency of answers with and without the server, and the server's throughput. Uses the real binary and real
//! connections. All users ask at the same time.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::{join_all, try_join_all};
use serde_json::json;
use webchat_llm::{ChatModel, Delta, HttpChatModel, HttpSettings};
use webchat_tests::{Browser, Process, Socket};

use crate::support::process::{cpu_seconds, peak_memory_mb};
use crate::support::report::{BenchContext, Row};
use crate::support::samples::Samples;
use crate::support::stores::{KEY, MongoTestDatabase, required_variable};
use crate::support::upstream::{CHUNK, CHUNKS, Upstream, chat_request};

#[derive(Clone, Copy)]
struct Load {
    /// The number of concurrent users.
    users: u32,
    /// The number of questions that each user asks, one at a time.
    questions: u32,
}

/// How the upstream sends its chunks, and the loads to measure with it.
struct Profile {
    name: &'static str,
    /// The time between chunks; `None` to send them all together.
    interval: Option<Duration>,
    loads: [Load; 3],
}

/// The times from the question to the first and to the last chunk of its answer.
#[derive(Clone, Copy)]
struct AnswerTimes {
    first: Duration,
    last: Duration,
    /// The number of frames that contained chunks.
    frames: u32,
}

pub(crate) async fn measure(bench: BenchContext) {
    let load =
        |users, questions, quick| Load { users, questions: bench.full_or_quick(questions, quick) };
    let profiles = [
        Profile {
            name: "all chunks together",
            interval: None,
            loads: [load(1, 50, 5), load(20, 20, 2), load(200, 5, 1)],
        },
        Profile {
            name: "a chunk every 5 ms",
            interval: Some(Duration::from_millis(5)),
            loads: [load(1, 10, 1), load(20, 5, 1), load(200, 3, 1)],
        },
    ];
    for profile in &profiles {
        measure_upstream(&bench, profile).await;
    }
    measure_server(&bench, &profiles, "SQLite", 1, &[]).await;
    let mongo = MongoTestDatabase::new().await;
    let redis = required_variable("TEST_REDIS_URL");
    let settings = [("MONGODB_URI", mongo.uri.as_str()), ("REDIS_URL", redis.as_str())];
    measure_server(&bench, &profiles, "MongoDB and Redis", 1, &settings).await;
    measure_server(&bench, &profiles, "two instances", 2, &settings).await;
    mongo.remove().await;
}

async fn measure_upstream(bench: &BenchContext, profile: &Profile) {
    let upstream = Upstream::start(profile.interval);
    let model = HttpChatModel::new(HttpSettings::new(upstream.url.clone())).unwrap();
    for load in profile.loads {
        let mut answers = Vec::new();
        for _ in 0..load.questions {
            answers.extend(join_all((0..load.users).map(|_| ask_upstream(&model))).await);
        }
        bench.add(row("direct", profile, load, &answers));
    }
}

async fn measure_server(
    bench: &BenchContext,
    profiles: &[Profile],
    name: &str,
    instances: u32,
    settings: &[(&str, &str)],
) {
    for profile in profiles {
        let upstream = Upstream::start(profile.interval);
        let dirs: Vec<_> = (0..instances).map(|_| tempfile::tempdir().unwrap()).collect();
        let defaults = [
            ("AZURE_API_URL", upstream.url.as_str()),
            ("LOG_LEVEL", "error"),
            ("SECRET_KEY", KEY),
            // A client sends many messages in a short time.
            ("WS_MESSAGES_PER_S", "100000"),
        ];
        let settings = [&defaults[..], settings].concat();
        let starts = dirs.iter().map(|dir| Process::try_start(dir.path(), &settings));
        let servers = match try_join_all(starts).await {
            Ok(servers) => servers,
            Err(error) => {
                let words: Vec<&str> = error.split_whitespace().collect();
                let note = format!("failed to start: {}", words.join(" "));
                bench.add(Row::new(format!("{name}, {}", profile.name)).note(note));
                continue;
            }
        };
        for load in profile.loads {
            measure_load(bench, &servers, name, profile, load).await;
        }
        let case = format!("{name}, {}, a server's peak memory", profile.name);
        let peak = servers.iter().map(|server| peak_memory_mb(server.id())).fold(0.0, f64::max);
        bench.add(Row::new(case).figure("peak", peak, "MB"));
        join_all(servers.into_iter().map(Process::kill)).await;
    }
}

/// Measures the answers of all users. The users are distributed over the servers.
async fn measure_load(
    bench: &BenchContext,
    servers: &[Process],
    name: &str,
    profile: &Profile,
    load: Load,
) {
    let users = servers.iter().cycle().zip(0..load.users);
    let mut users = join_all(users.map(|(server, _)| User::connect(server, load.questions))).await;
    let total_cpu_seconds = |servers: &[Process]| -> f64 {
        servers.iter().map(|server| cpu_seconds(server.id())).sum()
    };
    let (cpu_before, started) = (total_cpu_seconds(servers), Instant::now());
    let mut answers = Vec::new();
    for _ in 0..load.questions {
        answers.extend(join_all(users.iter_mut().map(User::ask)).await);
    }
    let (cpu, seconds) = (total_cpu_seconds(servers) - cpu_before, started.elapsed().as_secs_f64());
    let turns = f64::from(load.users * load.questions);
    let frames: u32 = answers.iter().map(|answer| answer.frames).sum();
    bench.add(row(name, profile, load, &answers));
    bench.add(
        Row::new(format!("{name}, {}, {} at a time, throughput", profile.name, load.users))
            .figure("turns", turns / seconds, "/s")
            .figure("chunks", turns * f64::from(CHUNKS) / seconds, "/s")
            .figure("in frames", f64::from(frames) / seconds, "/s")
            .figure("CPU", cpu / (turns * f64::from(CHUNKS)) * 1e6, "us/chunk"),
    );
}

fn row(name: &str, profile: &Profile, load: Load, answers: &[AnswerTimes]) -> Row {
    let first: Samples = answers.iter().map(|answer| answer.first).collect();
    let last: Samples = answers.iter().map(|answer| answer.last).collect();
    Row::new(format!("{name}, {}, {} at a time", profile.name, load.users))
        .figure("first p50", first.percentile_ms(50), "ms")
        .figure("first p99", first.percentile_ms(99), "ms")
        .figure("last p50", last.percentile_ms(50), "ms")
        .figure("last p99", last.percentile_ms(99), "ms")
        .note(format!("of {}", first.count()))
}

/// Asks the upstream directly, with the request that the server would send.
async fn ask_upstream(model: &HttpChatModel) -> AnswerTimes {
    let mut timer = AnswerTimer::start();
    let mut deltas = model.stream(chat_request("Why?")).await.unwrap();
    while let Some(delta) = deltas.next().await {
        if let Delta::Text(text) = delta.unwrap() {
            timer.record(&text);
        }
    }
    timer.finish()
}

/// A user with one connection, and with an empty conversation for each question.
struct User {
    socket: Socket,
    conversations: Vec<String>,
    _browser: Browser,
}

impl User {
    async fn connect(server: &Process, questions: u32) -> Self {
        let browser = server.browser();
        let mut conversations = Vec::new();
        for _ in 0..questions {
            conversations.push(browser.start_conversation().await);
        }
        Self { socket: browser.connect().await, conversations, _browser: browser }
    }

    async fn ask(&mut self) -> AnswerTimes {
        let id = self.conversations.pop().unwrap();
        let mut timer = AnswerTimer::start();
        self.socket.send("send_message", json!({"conversation_id": id, "message": "Why?"})).await;
        loop {
            let (event, data) = self.socket.receive().await;
            match event.as_str() {
                "response_chunk" => timer.record(data["chunk"].as_str().unwrap()),
                "error" => panic!("error event: {data}"),
                "token_usage" => return timer.finish(),
                _ => {}
            }
        }
    }
}

/// Records when the chunks of an answer arrive. The server may merge adjacent chunks.
struct AnswerTimer {
    asked_at: Instant,
    characters: usize,
    first: Option<Duration>,
    last: Duration,
    frames: u32,
}

impl AnswerTimer {
    fn start() -> Self {
        Self {
            asked_at: Instant::now(),
            characters: 0,
            first: None,
            last: Duration::ZERO,
            frames: 0,
        }
    }

    fn record(&mut self, text: &str) {
        self.last = self.asked_at.elapsed();
        self.first.get_or_insert(self.last);
        self.characters += text.len();
        self.frames += 1;
    }

    fn finish(self) -> AnswerTimes {
        assert_eq!(self.characters, CHUNK.len() * usize::try_from(CHUNKS).unwrap());
        AnswerTimes { first: self.first.unwrap(), last: self.last, frames: self.frames }
    }
}
