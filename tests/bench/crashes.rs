//! `kill -9` of an instance that makes answers: how long it takes until those are told who follow them at
//! the other one. Until its hold of 10 s has lapsed, it is taken for alive.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;
use tokio::time::sleep;
use webchat_tests::{Browser, Process, Socket};

use crate::report::{Bench, Row};
use crate::samples::Samples;
use crate::stores::{KEY, MongoServer, required};
use crate::upstream::Upstream;

/// Answers that are being made when the instance is killed.
const ANSWERS: usize = 8;

/// Far longer than what is waited for before the kill.
const PACE: Duration = Duration::from_millis(50);

/// How often a turn renews its hold: the kill comes at any moment between.
const RENEWED_EVERY_MS: u64 = 2_000;

pub(crate) async fn measure(bench: Bench) {
    let kills = bench.size(12, 1);
    let upstream = Upstream::start(Some(PACE));
    let mongo = MongoServer::new().await;
    let redis = required("TEST_REDIS_URL");
    let settings = [
        ("AZURE_API_URL", upstream.url.as_str()),
        ("LOG_LEVEL", "error"),
        ("SECRET_KEY", KEY),
        ("TURNS_PER_USER", "0"),
        ("MONGODB_URI", mongo.uri.as_str()),
        ("REDIS_URL", redis.as_str()),
    ];
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let lives_on = Process::start(folders[1].path(), &settings).await;
    let mut taken = Vec::new();
    for _ in 0..kills {
        let dies = Process::start(folders[0].path(), &settings).await;
        taken.extend(told_after_the_kill(dies, &lives_on).await);
    }
    lives_on.kill().await;
    let times: Samples = taken.into_iter().collect();
    bench.add(
        Row::of("told as interrupted")
            .figure("p50", times.percentile_ms(50) / 1_000.0, "s")
            .figure("max", times.percentile_ms(100) / 1_000.0, "s")
            .note(format!("of {} answers, {kills} kills", times.count())),
    );
    mongo.remove().await;
}

async fn told_after_the_kill(dies: Process, lives_on: &Process) -> Vec<Duration> {
    let browser = dies.browser();
    let at_the_other = lives_on.browser_with_cookies_of(&browser);
    let mut followers = Vec::new();
    for _ in 0..ANSWERS {
        followers.push(follow_an_answer(&browser, &at_the_other).await);
    }
    sleep(Duration::from_millis(fastrand::u64(..RENEWED_EVERY_MS))).await;
    let killed = Instant::now();
    dies.kill().await;
    join_all(followers.iter_mut().map(async |follower| {
        let told = follower.receive_until("response_end").await;
        assert_eq!(told.last().unwrap().1["finish_reason"], json!("interrupted"));
        killed.elapsed()
    }))
    .await
}

/// The connection of somebody who follows it at the other instance, when it has begun.
async fn follow_an_answer(browser: &Browser, at_the_other: &Browser) -> Socket {
    let id = browser.start_conversation().await;
    let mut follower = at_the_other.connect().await;
    follower.send("subscribe", json!({"conversation_id": id})).await;
    follower.expect("subscribed").await;
    let question = json!({"conversation_id": id, "message": "Why?"});
    let mut asking = browser.connect().await;
    asking.send("send_message", question).await;
    asking.expect("message_accepted").await;
    follower.receive_until("response_chunk").await;
    follower
}
