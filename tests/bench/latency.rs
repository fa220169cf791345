//! The latency of a chunk from the upstream to its reader, with 20 concurrent answers. The cases differ in the
//! location of the turn log and in the instance that the reader is connected to; the store is always MongoDB.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tempfile::TempDir;
use webchat_tests::{Browser, Process, Socket};

use crate::support::report::{BenchContext, Row};
use crate::support::samples::Samples;
use crate::support::stores::{KEY, MongoTestDatabase, required_variable};
use crate::support::upstream::{Upstream, ages};

const CONVERSATIONS: u32 = 20;

pub(crate) async fn measure(bench: BenchContext) {
    let questions = bench.full_or_quick(10, 1);
    let mongo = MongoTestDatabase::new().await;
    let redis = required_variable("TEST_REDIS_URL");
    let mongo_setting = ("MONGODB_URI", mongo.uri.as_str());
    let redis_setting = ("REDIS_URL", redis.as_str());

    let in_process = Cluster::start(1, &[mongo_setting]).await.latencies(questions).await;
    let on_redis =
        Cluster::start(1, &[mongo_setting, redis_setting]).await.latencies(questions).await;
    let at_other_instance =
        Cluster::start(2, &[mongo_setting, redis_setting]).await.latencies(questions).await;

    bench.add(Row::new("log in the process").times(&in_process));
    for (case, samples) in [
        ("log on Redis", on_redis),
        ("log on Redis, read at the other instance", at_other_instance),
    ] {
        let added = |percent| samples.percentile_ms(percent) - in_process.percentile_ms(percent);
        let row = Row::new(case).figure("added p50", added(50), "ms");
        bench.add(row.figure("added p99", added(99), "ms").times(&samples));
    }
    mongo.remove().await;
}

/// Instances that share their stores. Questions are sent to the first one, and answers are read from the last.
struct Cluster {
    _upstream: Upstream,
    _dirs: Vec<TempDir>,
    instances: Vec<Process>,
}

impl Cluster {
    async fn start(instances: usize, settings: &[(&str, &str)]) -> Self {
        let upstream = Upstream::with_timestamps(Duration::from_millis(5));
        let defaults = [
            ("AZURE_API_URL", upstream.url.as_str()),
            ("LOG_LEVEL", "error"),
            ("SECRET_KEY", KEY),
            ("WS_CONNECTIONS_PER_USER", "1000"),
            ("TURNS_PER_USER", "0"),
        ];
        let settings = [&defaults[..], settings].concat();
        let dirs: Vec<_> = (0..instances).map(|_| tempfile::tempdir().unwrap()).collect();
        let started = dirs.iter().map(|dir| Process::start(dir.path(), &settings));
        let instances = join_all(started).await;
        Self { instances, _upstream: upstream, _dirs: dirs }
    }

    /// Asks this number of questions in each conversation. Returns the latencies of all chunks.
    async fn latencies(self, questions: u32) -> Samples {
        let (first, last) = (self.instances.first().unwrap(), self.instances.last().unwrap());
        let sender = first.browser();
        let reader = last.browser_with_cookies_of(&sender);
        let mut conversations = Vec::new();
        for _ in 0..CONVERSATIONS {
            conversations.push(Conversation::start(&sender, &reader).await);
        }
        let mut latencies = Vec::new();
        for _ in 0..questions {
            latencies
                .extend(join_all(conversations.iter_mut().map(Conversation::ask)).await.concat());
        }
        join_all(self.instances.into_iter().map(Process::kill)).await;
        latencies.into_iter().collect()
    }
}

/// A conversation with a sending and a reading connection.
struct Conversation {
    id: String,
    sender: Socket,
    reader: Socket,
}

impl Conversation {
    async fn start(sender: &Browser, reader: &Browser) -> Self {
        let id = sender.start_conversation().await;
        let (sender, mut reader) = (sender.connect().await, reader.connect().await);
        reader.send("subscribe", json!({"conversation_id": id})).await;
        reader.expect("subscribed").await;
        Self { id, sender, reader }
    }

    /// Sends a question. Returns the latency of each chunk of the answer.
    async fn ask(&mut self) -> Vec<Duration> {
        let question = json!({"conversation_id": self.id, "message": "What time is it?"});
        self.sender.send("send_message", question).await;
        let mut latencies = Vec::new();
        let read = async {
            loop {
                let (event, data) = self.reader.receive().await;
                match event.as_str() {
                    "response_chunk" => latencies.extend(ages(data["chunk"].as_str().unwrap())),
                    "error" => panic!("error event: {data}"),
                    "token_usage" => return,
                    _ => {}
                }
            }
        };
        tokio::join!(read, self.sender.receive_until("token_usage"));
        latencies
    }
}
