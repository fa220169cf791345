//! `kill -9` of an instance with running turns: the time until subscribers at the other instance receive the end
//! of the turns. The other instance waits until it has received no heartbeat for 2 s.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;
use tokio::time::sleep;
use webchat_tests::{Browser, Process, Socket};

use crate::support::report::{BenchContext, Row};
use crate::support::samples::Samples;
use crate::support::stores::{KEY, MongoTestDatabase, required_variable};
use crate::support::upstream::Upstream;

/// The number of running turns when the instance is killed.
const TURNS: usize = 8;

/// The time between chunks: long enough that the answers are far from complete at the kill.
const CHUNK_INTERVAL: Duration = Duration::from_millis(50);

/// The kill is at a random moment between two heartbeats, and between two renewals of the leases.
const MAX_TIME_UNTIL_KILL_MS: u64 = 2_000;

pub(crate) async fn measure(bench: BenchContext) {
    let kills = bench.full_or_quick(12, 1);
    let upstream = Upstream::start(Some(CHUNK_INTERVAL));
    let mongo = MongoTestDatabase::new().await;
    let redis = required_variable("TEST_REDIS_URL");
    let settings = [
        ("AZURE_API_URL", upstream.url.as_str()),
        ("LOG_LEVEL", "error"),
        ("SECRET_KEY", KEY),
        ("TURNS_PER_USER", "0"),
        ("MONGODB_URI", mongo.uri.as_str()),
        ("REDIS_URL", redis.as_str()),
    ];
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let survivor = Process::start(dirs[1].path(), &settings).await;
    let mut durations = Vec::new();
    for _ in 0..kills {
        let victim = Process::start(dirs[0].path(), &settings).await;
        durations.extend(times_until_published(victim, &survivor).await);
    }
    survivor.kill().await;
    let times: Samples = durations.into_iter().collect();
    bench.add(
        Row::new("published as interrupted")
            .figure("p50", times.percentile_ms(50) / 1_000.0, "s")
            .figure("p99", times.percentile_ms(99) / 1_000.0, "s")
            .figure("max", times.percentile_ms(100) / 1_000.0, "s")
            .note(format!("of {} answers, {kills} kills", times.count())),
    );
    mongo.remove().await;
}

async fn times_until_published(victim: Process, survivor: &Process) -> Vec<Duration> {
    let browser = victim.browser();
    let other_browser = survivor.browser_with_cookies_of(&browser);
    let mut subscribers = Vec::new();
    for _ in 0..TURNS {
        subscribers.push(subscribe_to_turn(&browser, &other_browser).await);
    }
    sleep(Duration::from_millis(fastrand::u64(..MAX_TIME_UNTIL_KILL_MS))).await;
    let killed_at = Instant::now();
    victim.kill().await;
    join_all(subscribers.iter_mut().map(async |subscriber| {
        let events = subscriber.receive_until("response_end").await;
        assert_eq!(events.last().unwrap().1["finish_reason"], json!("interrupted"));
        killed_at.elapsed()
    }))
    .await
}

/// Starts a turn. Returns a connection to the other instance that is subscribed to it.
async fn subscribe_to_turn(browser: &Browser, other_browser: &Browser) -> Socket {
    let id = browser.start_conversation().await;
    let mut subscriber = other_browser.connect().await;
    subscriber.send("subscribe", json!({"conversation_id": id})).await;
    subscriber.expect("subscribed").await;
    let question = json!({"conversation_id": id, "message": "Why?"});
    let mut sender = browser.connect().await;
    sender.send("send_message", question).await;
    sender.expect("message_accepted").await;
    subscriber.receive_until("response_chunk").await;
    subscriber
}
