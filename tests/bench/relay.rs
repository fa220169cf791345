//! What the server adds to an answer on its way from the model to the user, and how much of it goes
//! through: the real binary, real connections, and all users asking at the same moment.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::{join_all, try_join_all};
use serde_json::json;
use webchat_domain::ModelParameters;
use webchat_llm::{
    ChatMessage, ChatModel, ChatRequest, ChatRole, Delta, HttpChatModel, HttpSettings,
};
use webchat_tests::{Browser, Process, Socket};

use crate::process::{cpu_seconds, peak_memory};
use crate::report::{Bench, Row};
use crate::samples::Samples;
use crate::stores::{KEY, MongoServer, required};
use crate::upstream::{CHUNK, CHUNKS, Upstream};

/// So many users at a time, and how often each asks.
#[derive(Clone, Copy)]
struct Load {
    users: u32,
    times: u32,
}

/// How an upstream speaks.
struct Speech {
    name: &'static str,
    pace: Option<Duration>,
    loads: [Load; 3],
}

/// When the first chunk of an answer was there, and the last.
#[derive(Clone, Copy)]
struct Answered {
    first: Duration,
    last: Duration,
    /// Frames that held a part of it.
    frames: u32,
}

pub(crate) async fn measure(bench: Bench) {
    let load = |users, times, quick_times| Load { users, times: bench.size(times, quick_times) };
    let speeches = [
        Speech {
            name: "chunks at once",
            pace: None,
            loads: [load(1, 50, 5), load(20, 20, 2), load(200, 5, 1)],
        },
        Speech {
            name: "a chunk each 5 ms",
            pace: Some(Duration::from_millis(5)),
            loads: [load(1, 10, 1), load(20, 5, 1), load(200, 3, 1)],
        },
    ];
    for speech in &speeches {
        measure_upstream(&bench, speech).await;
    }
    measure_server(&bench, &speeches, "SQLite", 1, &[]).await;
    let mongo = MongoServer::new().await;
    let redis = required("TEST_REDIS_URL");
    let settings = [("MONGODB_URI", mongo.uri.as_str()), ("REDIS_URL", redis.as_str())];
    measure_server(&bench, &speeches, "MongoDB and Redis", 1, &settings).await;
    measure_server(&bench, &speeches, "two instances", 2, &settings).await;
    mongo.remove().await;
}

async fn measure_upstream(bench: &Bench, speech: &Speech) {
    let upstream = Upstream::start(speech.pace);
    let model = HttpChatModel::new(HttpSettings::new(upstream.url.clone())).unwrap();
    for load in speech.loads {
        let mut answered = Vec::new();
        for _ in 0..load.times {
            answered.extend(join_all((0..load.users).map(|_| ask_upstream(&model))).await);
        }
        bench.add(row("straight", speech, load, &answered));
    }
}

async fn measure_server(
    bench: &Bench,
    speeches: &[Speech],
    name: &str,
    instances: u32,
    settings: &[(&str, &str)],
) {
    for speech in speeches {
        let upstream = Upstream::start(speech.pace);
        let folders: Vec<_> = (0..instances).map(|_| tempfile::tempdir().unwrap()).collect();
        let own = [
            ("AZURE_API_URL", upstream.url.as_str()),
            ("LOG_LEVEL", "error"),
            ("SECRET_KEY", KEY),
            // Its clients ask in many conversations at once.
            ("WS_MESSAGES_PER_S", "100000"),
        ];
        let settings = [&own[..], settings].concat();
        let started = folders.iter().map(|folder| Process::try_start(folder.path(), &settings));
        let servers = match try_join_all(started).await {
            Ok(servers) => servers,
            Err(error) => {
                let said: Vec<&str> = error.split_whitespace().collect();
                let note = format!("none: the server says: {}", said.join(" "));
                bench.add(Row::of(format!("{name}, {}", speech.name)).note(note));
                continue;
            }
        };
        for load in speech.loads {
            through_servers(bench, &servers, name, speech, load).await;
        }
        let case = format!("{name}, {}, a server's memory at most", speech.name);
        let peak = servers.iter().map(|server| peak_memory(server.id())).fold(0.0, f64::max);
        bench.add(Row::of(case).figure("peak", peak, "MB"));
        join_all(servers.into_iter().map(Process::kill)).await;
    }
}

/// The users are spread over the servers.
async fn through_servers(
    bench: &Bench,
    servers: &[Process],
    name: &str,
    speech: &Speech,
    load: Load,
) {
    let users = servers.iter().cycle().zip(0..load.users);
    let mut users = join_all(users.map(|(server, _)| User::of(server, load.times))).await;
    let used = |servers: &[Process]| -> f64 {
        servers.iter().map(|server| cpu_seconds(server.id())).sum()
    };
    let (cpu, began) = (used(servers), Instant::now());
    let mut answered = Vec::new();
    for _ in 0..load.times {
        answered.extend(join_all(users.iter_mut().map(User::ask)).await);
    }
    let (cpu, took) = (used(servers) - cpu, began.elapsed().as_secs_f64());
    let turns = f64::from(load.users * load.times);
    let frames: u32 = answered.iter().map(|answered| answered.frames).sum();
    bench.add(row(name, speech, load, &answered));
    bench.add(
        Row::of(format!("{name}, {}, {} at a time, in all", speech.name, load.users))
            .figure("turns", turns / took, "/s")
            .figure("chunks", turns * f64::from(CHUNKS) / took, "/s")
            .figure("in frames", f64::from(frames) / took, "/s")
            .figure("CPU", cpu / (turns * f64::from(CHUNKS)) * 1e6, "us/chunk"),
    );
}

fn row(name: &str, speech: &Speech, load: Load, answered: &[Answered]) -> Row {
    let first: Samples = answered.iter().map(|answered| answered.first).collect();
    let last: Samples = answered.iter().map(|answered| answered.last).collect();
    Row::of(format!("{name}, {}, {} at a time", speech.name, load.users))
        .figure("first p50", first.percentile_ms(50), "ms")
        .figure("first p99", first.percentile_ms(99), "ms")
        .figure("last p50", last.percentile_ms(50), "ms")
        .figure("last p99", last.percentile_ms(99), "ms")
        .note(format!("of {}", first.count()))
}

/// As the server asks it.
async fn ask_upstream(model: &HttpChatModel) -> Answered {
    let question = ChatMessage { role: ChatRole::User, content: "Why?".to_owned() };
    let request = ChatRequest {
        messages: vec![question],
        max_reply_tokens: 800,
        parameters: ModelParameters::default(),
    };
    let mut answer = Answering::begin();
    let mut deltas = model.stream(request).await.unwrap();
    while let Some(delta) = deltas.next().await {
        if let Delta::Text(text) = delta.unwrap() {
            answer.take(&text);
        }
    }
    answer.end()
}

/// Somebody with a connection, and with an empty conversation for each question.
struct User {
    socket: Socket,
    conversations: Vec<String>,
    _browser: Browser,
}

impl User {
    async fn of(server: &Process, questions: u32) -> Self {
        let browser = server.browser();
        let mut conversations = Vec::new();
        for _ in 0..questions {
            conversations.push(browser.start_conversation().await);
        }
        Self { socket: browser.connect().await, conversations, _browser: browser }
    }

    async fn ask(&mut self) -> Answered {
        let id = self.conversations.pop().unwrap();
        let mut answer = Answering::begin();
        self.socket.send("send_message", json!({"conversation_id": id, "message": "Why?"})).await;
        loop {
            let (event, data) = self.socket.receive().await;
            match event.as_str() {
                "response_chunk" => answer.take(data["chunk"].as_str().unwrap()),
                "error" => panic!("an error: {data}"),
                "token_usage" => return answer.end(),
                _ => {}
            }
        }
    }
}

/// An answer as it comes. Adjacent chunks may come as one.
struct Answering {
    asked: Instant,
    characters: usize,
    first: Option<Duration>,
    last: Duration,
    frames: u32,
}

impl Answering {
    fn begin() -> Self {
        Self { asked: Instant::now(), characters: 0, first: None, last: Duration::ZERO, frames: 0 }
    }

    fn take(&mut self, text: &str) {
        self.last = self.asked.elapsed();
        self.first.get_or_insert(self.last);
        self.characters += text.len();
        self.frames += 1;
    }

    fn end(self) -> Answered {
        assert_eq!(self.characters, CHUNK.len() * usize::try_from(CHUNKS).unwrap());
        Answered { first: self.first.unwrap(), last: self.last, frames: self.frames }
    }
}
