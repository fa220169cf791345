//! How long a chunk is on its way from its upstream to who reads it, while 20 answers are made. The store
//! is the same; where the log is, and at which instance it is read, is not.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tempfile::TempDir;
use webchat_tests::{Browser, Process, Socket};

use crate::report::{Bench, Row};
use crate::samples::Samples;
use crate::stores::{KEY, MongoServer, required};
use crate::upstream::{Upstream, ages};

const CONVERSATIONS: u32 = 20;

pub(crate) async fn measure(bench: Bench) {
    let times = bench.size(10, 1);
    let mongo = MongoServer::new().await;
    let redis = required("TEST_REDIS_URL");
    let stored = ("MONGODB_URI", mongo.uri.as_str());
    let logged = ("REDIS_URL", redis.as_str());

    let here = Site::start(1, &[stored]).await.latency(times).await;
    let by_redis = Site::start(1, &[stored, logged]).await.latency(times).await;
    let elsewhere = Site::start(2, &[stored, logged]).await.latency(times).await;

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

/// Instances: a turn runs at the first and is read at the last.
struct Site {
    _upstream: Upstream,
    _folders: Vec<TempDir>,
    instances: Vec<Process>,
}

impl Site {
    async fn start(instances: usize, settings: &[(&str, &str)]) -> Self {
        let upstream = Upstream::telling_the_time(Duration::from_millis(5));
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
        let mut talks = Vec::new();
        for _ in 0..CONVERSATIONS {
            talks.push(Talk::start(&asking, &reading).await);
        }
        let mut taken = Vec::new();
        for _ in 0..times {
            taken.extend(join_all(talks.iter_mut().map(Talk::ask)).await.concat());
        }
        join_all(self.instances.into_iter().map(Process::kill)).await;
        taken.into_iter().collect()
    }
}

/// A conversation of which one connection asks, and another reads.
struct Talk {
    id: String,
    asking: Socket,
    reading: Socket,
}

impl Talk {
    async fn start(asking: &Browser, reading: &Browser) -> Self {
        let id = asking.start_conversation().await;
        let (asking, mut reading) = (asking.connect().await, reading.connect().await);
        reading.send("subscribe", json!({"conversation_id": id})).await;
        reading.expect("subscribed").await;
        Self { id, asking, reading }
    }

    /// How long each chunk of the answer took.
    async fn ask(&mut self) -> Vec<Duration> {
        let question = json!({"conversation_id": self.id, "message": "What time is it?"});
        self.asking.send("send_message", question).await;
        let mut taken = Vec::new();
        let reading = async {
            loop {
                let (event, data) = self.reading.receive().await;
                match event.as_str() {
                    "response_chunk" => taken.extend(ages(data["chunk"].as_str().unwrap())),
                    "error" => panic!("an error: {data}"),
                    "token_usage" => return,
                    _ => {}
                }
            }
        };
        tokio::join!(reading, self.asking.receive_until("token_usage"));
        taken
    }
}
