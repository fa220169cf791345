//! A turn with a hundred subscribers, when all of them read their events and when ten of them do not.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;
use webchat_tests::{Browser, Process, Socket};

use crate::support::process::cpu_seconds;
use crate::support::report::{BenchContext, Row};
use crate::support::samples::Samples;
use crate::support::upstream::{CHUNKS, Upstream};

const SUBSCRIBERS: u32 = 100;
const NON_READERS: u32 = 10;

pub(crate) async fn measure(bench: BenchContext) {
    let turns = bench.full_or_quick(50, 5);
    let upstream = Upstream::start(Some(Duration::from_millis(5)));
    let dir = tempfile::tempdir().unwrap();
    let settings = [
        ("AZURE_API_URL", upstream.url.as_str()),
        ("LOG_LEVEL", "error"),
        ("WS_CONNECTIONS_PER_USER", "1000"),
    ];
    let server = Process::start(dir.path(), &settings).await;
    for (case, non_readers) in [("all read", 0), ("ten of them read nothing", NON_READERS)] {
        let before = cpu_seconds(server.id());
        let samples =
            answer_durations(&server.browser(), SUBSCRIBERS - non_readers, non_readers, turns)
                .await;
        let cpu_micros = (cpu_seconds(server.id()) - before) * 1e6;
        let deliveries = f64::from(turns * CHUNKS) * f64::from(SUBSCRIBERS);
        bench.add(
            Row::new(format!("{SUBSCRIBERS} subscribers, {case}"))
                .figure("CPU for a chunk to a subscriber", cpu_micros / deliveries, "µs")
                .times(&samples),
        );
    }
    server.kill().await;
}

/// The times from the question until the slowest reading subscriber has received the whole answer.
async fn answer_durations(
    browser: &Browser,
    readers: u32,
    non_readers: u32,
    turns: u32,
) -> Samples {
    let id = browser.start_conversation().await;
    let mut reading_sockets = join_all((0..readers).map(|_| subscribe(browser, &id))).await;
    let _non_reading_sockets =
        join_all((0..non_readers).map(|_| subscribe_without_reading(browser, &id))).await;
    let mut durations = Vec::new();
    for _ in 0..turns {
        let asked_at = Instant::now();
        let question = json!({"conversation_id": id, "message": "Why?"});
        reading_sockets[0].send("send_message", question).await;
        join_all(reading_sockets.iter_mut().map(|socket| socket.receive_until("token_usage")))
            .await;
        durations.push(asked_at.elapsed());
    }
    durations.into_iter().collect()
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
