//! The latency of a chunk from its upstream to its reader, with 20 concurrent answers. The store is the same in
//! all cases; the log's location and the reader's instance differ.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tempfile::TempDir;
use webchat_tests::{Browser, Process, Socket};

use crate::support::report::{Bench, Row};
use crate::support::samples::Samples;
use crate::support::stores::{KEY, MongoServer, required};
use crate::support::upstream::{Upstream, ages};

const CONVERSATIONS: u32 = 20;

pub(crate) async fn measure(bench: Bench) {
    let times = bench.size(10, 1);
    let mongo = MongoServer::new().await;
    let redis = required("TEST_REDIS_URL");
    let stored = ("MONGODB_URI", mongo.uri.as_str());
    let logged = ("REDIS_URL", redis.as_str());

    let here = Cluster::start(1, &[stored]).await.latency(times).await;
    let by_redis = Cluster::start(1, &[stored, logged]).await.latency(times).await;
    let elsewhere = Cluster::start(2, &[stored, logged]).await.latency(times).await;

    bench.add(Row::of("log in the process").times(&here));
    for (case, there) in
        [("log on Redis", by_redis), ("log on Redis, read at the other instance", elsewhere)]
    {
        let added = |percent| there.percentile_ms(percent) - here.percentile_ms(percent);
        let row = Row::of(case).figure("added p50", added(50), "ms");
        bench.add(row.figure("added p99", added(99), "ms").times(&there));
    }
    mongo.remove().await;
}

/// Some instances. Turns run on the first and are read on the last.
struct Cluster {
    _upstream: Upstream,
    _folders: Vec<TempDir>,
    instances: Vec<Process>,
}

impl Cluster {
    async fn start(instances: usize, settings: &[(&str, &str)]) -> Self {
        let upstream = Upstream::with_timestamps(Duration::from_millis(5));
        let own = [
            ("AZURE_API_URL", upstream.url.as_str()),
            ("LOG_LEVEL", "error"),
            ("SECRET_KEY", KEY),
            ("WS_CONNECTIONS_PER_USER", "1000"),
            ("TURNS_PER_USER", "0"),
        ];
        let settings = [&own[..], settings].concat();
        let folders: Vec<_> = (0..instances).map(|_| tempfile::tempdir().unwrap()).collect();
        let started = folders.iter().map(|folder| Process::start(folder.path(), &settings));
        let instances = join_all(started).await;
        Self { instances, _upstream: upstream, _folders: folders }
    }

    async fn latency(self, times: u32) -> Samples {
        let (first, last) = (self.instances.first().unwrap(), self.instances.last().unwrap());
        let asking = first.browser();
        let reading = last.browser_with_cookies_of(&asking);
        let mut conversations = Vec::new();
        for _ in 0..CONVERSATIONS {
            conversations.push(Conversation::start(&asking, &reading).await);
        }
        let mut latencies = Vec::new();
        for _ in 0..times {
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
    asking: Socket,
    reading: Socket,
}

impl Conversation {
    async fn start(asking: &Browser, reading: &Browser) -> Self {
        let id = asking.start_conversation().await;
        let (asking, mut reading) = (asking.connect().await, reading.connect().await);
        reading.send("subscribe", json!({"conversation_id": id})).await;
        reading.expect("subscribed").await;
        Self { id, asking, reading }
    }

    /// Sends a question. Returns the latency of each chunk of the answer.
    async fn ask(&mut self) -> Vec<Duration> {
        let question = json!({"conversation_id": self.id, "message": "What time is it?"});
        self.asking.send("send_message", question).await;
        let mut latencies = Vec::new();
        let reading = async {
            loop {
                let (event, data) = self.reading.receive().await;
                match event.as_str() {
                    "response_chunk" => latencies.extend(ages(data["chunk"].as_str().unwrap())),
                    "error" => panic!("error event: {data}"),
                    "token_usage" => return,
                    _ => {}
                }
            }
        };
        tokio::join!(reading, self.asking.receive_until("token_usage"));
        latencies
    }
}
