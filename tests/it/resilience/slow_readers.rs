//! Clients that read slowly or not at all: they use little memory, delay no one and are disconnected.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use webchat_tests::{
    Browser, Process, ScriptedModel, SoakStats, Socket, TIMEOUT, TestServer, answer_text,
    format_seconds, test_or_soak,
};

const MIB: u64 = 1024 * 1024;

/// Large enough for [`flood`], so that nothing is summarised or truncated.
const LARGE_WINDOW: (&str, &str) = ("MAX_TOKENS", "10000000");
const LONG_ANSWERS: (&str, &str) = ("REPLY_TOKENS", "131072");

/// The number of conversations in a flood. Their answers together exceed the buffers of a connection.
const CONVERSATIONS: usize = 4;

/// Starts the conversations of a flood.
async fn start_conversations(browser: &Browser) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..CONVERSATIONS {
        ids.push(browser.start_conversation().await);
    }
    ids
}

/// Subscribes to the conversations. Returns the sequence numbers of their latest events.
async fn subscribe(socket: &mut Socket, ids: &[String]) -> Vec<u64> {
    let mut latest = Vec::new();
    for id in ids {
        socket.send("subscribe", json!({"conversation_id": id})).await;
        latest.push(socket.expect("subscribed").await["seq"].as_u64().unwrap_or_default());
    }
    latest
}

/// Sends a question in each conversation. The answers exceed the outgoing buffer of a slow client. Returns the text
/// of each answer.
async fn flood(model: &ScriptedModel, sender: &mut Socket, ids: &[String]) -> String {
    const CHUNKS: usize = 25;
    let chunk = "tide ".repeat(6_500);
    for id in ids {
        let answer = model.next_answer();
        sender.send("send_message", json!({"conversation_id": id, "message": "flood"})).await;
        for _ in 0..CHUNKS {
            answer.send(&chunk);
            sender.receive_until("response_chunk").await;
        }
        answer.finish();
        sender.receive_until("token_usage").await;
    }
    chunk.repeat(CHUNKS)
}

/// Returns the events of one conversation.
fn events_of(id: &str, events: &[(String, Value)]) -> Vec<(String, Value)> {
    events.iter().filter(|(_, data)| data["conversation_id"] == json!(id)).cloned().collect()
}

#[tokio::test]
async fn a_slow_reader_is_disconnected_and_receives_the_rest_after_reconnecting() {
    let settings = [LARGE_WINDOW, LONG_ANSWERS, ("WS_SLOWEST_S", "6")];
    let server = TestServer::with_settings(&settings).await;
    let (browser, mut sender) = server.socket().await;
    let ids = start_conversations(&browser).await;
    let mut slow = browser.connect_with_small_buffer().await;
    let initial_seqs = subscribe(&mut slow, &ids).await;

    let text = flood(&server.model, &mut sender, &ids).await;
    sleep(Duration::from_secs(4)).await;
    let (mut received, code) = slow.receive_all().await;
    let mut reconnected = browser.connect().await;
    for (id, initial_seq) in ids.iter().zip(initial_seqs) {
        let events = events_of(id, &received);
        let last_seq = events.iter().rev().find_map(|(_, data)| data["seq"].as_u64());
        let after = last_seq.unwrap_or(initial_seq);
        reconnected.send("subscribe", json!({"conversation_id": id, "after": after})).await;
        let subscribed = reconnected.expect("subscribed").await;
        assert_eq!(subscribed["recovered"], json!(true));
        if !events.iter().any(|(name, _)| name == "token_usage") {
            received.extend(reconnected.receive_until("token_usage").await);
        }
    }

    assert_eq!(code, Some(1013));
    for id in &ids {
        assert!(answer_text(&events_of(id, &received)) == text, "text is missing or duplicated");
    }
}

/// The resident memory of a process, in bytes.
fn memory(process: &Process) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

fn open_sockets(process: &Process) -> usize {
    let files = fs::read_dir(format!("/proc/{}/fd", process.id())).unwrap();
    let targets = files.filter_map(|file| fs::read_link(file.unwrap().path()).ok());
    targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
}

#[tokio::test]
async fn clients_that_never_read_use_at_most_a_mebibyte_each_and_are_disconnected() {
    const READERS: u16 = 80;
    let stats = SoakStats::start("clients that never read answers of 3 MB");
    let slowest = test_or_soak(10, 30);
    let (model, dir) = (ScriptedModel::start(), tempfile::tempdir().unwrap());
    let settings = [
        ("AZURE_API_URL", model.url()),
        LARGE_WINDOW,
        LONG_ANSWERS,
        ("WS_SLOWEST_S", &slowest.to_string()),
        ("WS_CONNECTIONS_PER_USER", "100"),
    ];
    let server = Process::start(dir.path(), &settings).await;
    let browser = server.browser();
    let mut sender = browser.connect().await;
    // Measure the memory that answers need without readers. The first round is a warm-up.
    let mut growth_without_readers = 0;
    for _ in 0..2 {
        let ids = start_conversations(&browser).await;
        let before = memory(&server);
        flood(&model, &mut sender, &ids).await;
        growth_without_readers = memory(&server).saturating_sub(before);
    }
    let ids = start_conversations(&browser).await;
    let initial_sockets = open_sockets(&server);

    let mut readers = Vec::new();
    for _ in 0..READERS {
        let mut reader = browser.connect_with_small_buffer().await;
        subscribe(&mut reader, &ids).await;
        readers.push(reader);
    }
    let before = memory(&server);
    let started_at = Instant::now();
    flood(&model, &mut sender, &ids).await;
    let (flood_duration, growth) = (started_at.elapsed(), memory(&server).saturating_sub(before));
    let growth_by_readers = growth.saturating_sub(growth_without_readers);
    let sockets_after_flood = open_sockets(&server);
    let disconnected = async {
        while open_sockets(&server) > initial_sockets {
            sleep(Duration::from_millis(50)).await;
        }
    };
    let slowest = Duration::from_secs(slowest.into());
    timeout(slowest + TIMEOUT, disconnected).await.expect("the readers were not disconnected");
    let elapsed = started_at.elapsed();

    // The server's other sockets, such as those to the model, come and go.
    assert!(
        sockets_after_flood >= usize::from(READERS),
        "readers were disconnected too early, within {flood_duration:?}: {sockets_after_flood} sockets"
    );
    let bytes_per_reader = growth_by_readers / u64::from(READERS);
    assert!(bytes_per_reader < MIB, "{bytes_per_reader} bytes per reader");
    let limit = flood_duration + slowest + Duration::from_secs(2);
    assert!(elapsed < limit, "{elapsed:?}");
    let kib = bytes_per_reader / 1024;
    stats.finish(
        READERS.into(),
        format!("{kib} KiB per client, all disconnected after {}", format_seconds(elapsed)),
    );
}
