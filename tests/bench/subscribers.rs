//! A turn with a hundred subscribers, all reading or ten of them not reading.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;
use webchat_tests::{Browser, Process, Socket};

use crate::support::report::{Bench, Row};
use crate::support::samples::Samples;
use crate::support::upstream::Upstream;

const SUBSCRIBERS: usize = 100;
const NOT_READING: usize = 10;

pub(crate) async fn measure(bench: Bench) {
    let turns = bench.size(50, 5);
    let upstream = Upstream::start(Some(Duration::from_millis(5)));
    let folder = tempfile::tempdir().unwrap();
    let settings = [
        ("AZURE_API_URL", upstream.url.as_str()),
        ("LOG_LEVEL", "error"),
        ("WS_CONNECTIONS_PER_USER", "1000"),
    ];
    let server = Process::start(folder.path(), &settings).await;
    for (case, not_reading) in [("all read", 0), ("ten of them read nothing", NOT_READING)] {
        let times = answers(&server.browser(), SUBSCRIBERS - not_reading, not_reading, turns).await;
        bench.add(Row::of(format!("{SUBSCRIBERS} subscribers, {case}")).times(&times));
    }
    server.kill().await;
}

/// The time of each answer until the slowest reading subscriber has received all of it.
async fn answers(browser: &Browser, readers: usize, not_reading: usize, turns: u32) -> Samples {
    let id = browser.start_conversation().await;
    let mut reading = join_all((0..readers).map(|_| subscribe(browser, &id))).await;
    let _not_reading =
        join_all((0..not_reading).map(|_| subscribe_without_reading(browser, &id))).await;
    let mut took = Vec::new();
    for _ in 0..turns {
        let asked = Instant::now();
        let question = json!({"conversation_id": id, "message": "Why?"});
        reading[0].send("send_message", question).await;
        join_all(reading.iter_mut().map(|socket| socket.receive_until("token_usage"))).await;
        took.push(asked.elapsed());
    }
    took.into_iter().collect()
}

async fn subscribe(browser: &Browser, id: &str) -> Socket {
    let mut socket = subscribe_without_reading(browser, id).await;
    socket.expect("subscribed").await;
    socket
}

async fn subscribe_without_reading(browser: &Browser, id: &str) -> Socket {
    let mut socket = browser.connect().await;
    socket.send("subscribe", json!({"conversation_id": id})).await;
    socket
}
