//! `kill -9` in the middle of answers: what a reader has seen of an answer stays in the conversation.

use std::path::Path;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use webchat_tests::{
    Browser, Process, ScriptedModel, SoakStats, Socket, TIMEOUT, mongodb_uri, redis_url,
    test_or_soak,
};

const KEY: &str = "0123456789abcdef0123456789abcdef";

/// The number of answers that a kill interrupts.
const ANSWERS: usize = 8;

/// The model repeats the question word by word, which takes longer than the time until the kill.
const CHUNK_INTERVAL: Duration = Duration::from_millis(5);
const WORDS: usize = 600;
const MAX_TIME_UNTIL_KILL_MS: u64 = 2_500;

#[tokio::test]
async fn text_that_a_reader_has_seen_survives_a_kill_on_sqlite() {
    let stats = SoakStats::start("text seen before kill -9, SQLite");
    let kills = test_or_soak(2, 100);
    let model = ScriptedModel::with_delay(CHUNK_INTERVAL);
    let settings = [("AZURE_API_URL", model.url()), ("SECRET_KEY", KEY)];
    let dir = tempfile::tempdir().unwrap();
    let mut seen_bytes = 0;
    for _ in 0..kills {
        let server = Process::start(dir.path(), &settings).await;
        let browser = server.browser();
        let answers = read_until_killed(server, &browser).await;
        let restarted = Process::start(dir.path(), &settings).await;
        let browser = restarted.browser_with_cookies_of(&browser);
        seen_bytes += check(&browser, answers).await;
        restarted.kill().await;
    }
    stats.finish(kills, format!("{seen_bytes} bytes seen, none lost"));
}

#[tokio::test]
async fn text_that_a_reader_has_seen_survives_a_kill_on_mongodb_and_redis() {
    let stats = SoakStats::start("text seen before kill -9, MongoDB and Redis");
    let kills = test_or_soak(1, 100);
    let model = ScriptedModel::with_delay(CHUNK_INTERVAL);
    let (mongodb, redis) = (mongodb_uri(), redis_url());
    let settings = [
        ("AZURE_API_URL", model.url()),
        ("SECRET_KEY", KEY),
        ("MONGODB_URI", &mongodb),
        ("REDIS_URL", &redis),
    ];
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let survivor = Process::start(dirs[0].path(), &settings).await;
    let kill = async |dir: &Path| {
        let victim = Process::start(dir, &settings).await;
        let browser = victim.browser();
        let answers = read_until_killed(victim, &browser).await;
        check(&survivor.browser_with_cookies_of(&browser), answers).await
    };
    let mut seen_bytes = 0;
    for _ in 0..kills {
        seen_bytes += kill(dirs[1].path()).await;
    }
    stats.finish(kills, format!("{seen_bytes} bytes seen, none lost"));
}

/// Reads several answers until the server is killed. Returns their conversations and the texts that were read.
async fn read_until_killed(server: Process, browser: &Browser) -> Vec<(String, String)> {
    let question = "why ".repeat(WORDS);
    let ask = async || {
        let id = browser.start_conversation().await;
        let mut socket = browser.connect().await;
        socket.send("send_message", json!({"conversation_id": id, "message": question})).await;
        socket.expect("message_accepted").await;
        (id, socket)
    };
    let mut readers = Vec::new();
    for _ in 0..ANSWERS {
        readers.push(ask().await);
    }
    let read = async |(id, socket)| (id, read_text(socket).await);
    let kill = async {
        sleep(Duration::from_millis(fastrand::u64(..MAX_TIME_UNTIL_KILL_MS))).await;
        server.kill().await;
    };
    tokio::join!(join_all(readers.into_iter().map(read)), kill).0
}

/// Returns the text of the answer until the connection ends.
async fn read_text(mut socket: Socket) -> String {
    let mut text = String::new();
    while let Some((_, data)) = socket.try_receive().await {
        text.push_str(data["chunk"].as_str().unwrap_or_default());
    }
    text
}

/// Asserts that the stored answers contain the texts that were read. Returns the number of bytes of these.
async fn check(browser: &Browser, answers: Vec<(String, String)>) -> usize {
    let mut seen_bytes = 0;
    for (id, seen) in answers {
        let answer = answer_when_idle(browser, &id).await;
        let kept = answer["content"].as_str().unwrap();
        assert!(kept.starts_with(&seen), "{} of {} bytes were kept", kept.len(), seen.len());
        seen_bytes += seen.len();
    }
    seen_bytes
}

#[tokio::test]
async fn reasoning_that_a_reader_has_seen_survives_a_kill() {
    let model = ScriptedModel::start();
    let settings = [("AZURE_API_URL", model.url()), ("SECRET_KEY", KEY)];
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(dir.path(), &settings).await;
    let browser = server.browser();
    let id = browser.start_conversation().await;
    let mut socket = browser.connect().await;
    let answer = model.next_answer();
    answer.send_reasoning("A sum.");

    socket.send("send_message", json!({"conversation_id": id, "message": "2 + 2?"})).await;
    let seen = socket.receive_until("reasoning_chunk").await.pop().unwrap().1;
    server.kill().await;
    let restarted = Process::start(dir.path(), &settings).await;
    let kept = answer_when_idle(&restarted.browser_with_cookies_of(&browser), &id).await;

    assert_eq!(seen["chunk"], "A sum.");
    assert_eq!([&kept["status"], &kept["content"]], [&json!("interrupted"), &json!("")]);
    assert_eq!(kept["reasoning"]["text"], "A sum.");
    assert_eq!(kept["reasoning"]["duration_ms"], seen["duration_ms"]);
}

async fn answer_when_idle(browser: &Browser, id: &str) -> Value {
    let wait = async {
        loop {
            let page = browser.get(&format!("/api/v1/conversations/{id}/messages")).await.json();
            if page["running_turn"].is_null() {
                return page["messages"][1].clone();
            }
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(TIMEOUT, wait)
        .await
        .unwrap_or_else(|_| panic!("the answer of {id} did not end in time"))
}
