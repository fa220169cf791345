//! Who reads too slowly, or not at all, costs little, holds up nobody and is told to come again.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::{sleep, timeout};
use webchat_tests::{
    Figure, PATIENCE, Process, ScriptedModel, Socket, TestServer, in_seconds, often, text_of,
};

const MIB: u64 = 1024 * 1024;

/// A window in which a flood fits, so that nothing is summarised.
const ROOMY: (&str, &str) = ("MAX_TOKENS", "10000000");

/// An answer that is longer than what waits for a slow client: in parts of words.
async fn flood(model: &ScriptedModel, asking: &mut Socket, id: &str) -> String {
    let answer = model.next_answer();
    asking.say("send_message", json!({"conversation_id": id, "message": "flood"})).await;
    let part = "tide ".repeat(6_500);
    for _ in 0..100 {
        answer.say(&part);
        asking.until("response_chunk").await;
    }
    answer.end();
    asking.until("response_end").await;
    part.repeat(100)
}

#[tokio::test]
async fn a_slow_reader_is_told_to_come_again_and_gets_the_rest() {
    let server = TestServer::with(&[ROOMY, ("WS_SLOWEST_S", "6")]).await;
    let (browser, mut asking) = server.socket().await;
    let id = browser.start_conversation().await;
    let mut slow = browser.connect_narrowly().await;
    slow.say("subscribe", json!({"conversation_id": id})).await;
    slow.expect("subscribed").await;

    let said = flood(&server.model, &mut asking, &id).await;
    sleep(Duration::from_secs(4)).await;
    let (mut told, code) = slow.rest().await;
    let reached = told.iter().rev().find_map(|(_, data)| data["seq"].as_u64()).unwrap();
    let mut again = browser.connect().await;
    again.say("subscribe", json!({"conversation_id": id, "after": reached})).await;
    let subscribed = again.expect("subscribed").await;
    told.extend(again.until("token_usage").await);

    assert_eq!(code, Some(1013));
    assert_eq!(subscribed["recovered"], json!(true));
    assert!(text_of(&told) == said, "something is missing or doubled");
}

/// What the system says of a process.
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
async fn readers_that_never_read_cost_a_mebibyte_each_at_most_and_are_cut_off() {
    const READERS: u16 = 80;
    let figure = Figure::of("readers that never read, in an answer of 3 MB");
    let slowest = often(10, 30);
    let (model, folder) = (ScriptedModel::start(), tempfile::tempdir().unwrap());
    let settings = [
        ("AZURE_API_URL", model.url()),
        ROOMY,
        ("WS_SLOWEST_S", &slowest.to_string()),
        ("WS_CONNECTIONS_PER_USER", "100"),
    ];
    let server = Process::start(folder.path(), &settings).await;
    let browser = server.browser();
    let mut asking = browser.connect().await;
    // What an answer takes by itself, once the first has been made.
    let mut grown_without = 0;
    for _ in 0..2 {
        let id = browser.start_conversation().await;
        let before = memory(&server);
        flood(&model, &mut asking, &id).await;
        grown_without = memory(&server).saturating_sub(before);
    }
    let id = browser.start_conversation().await;
    let sockets = open_sockets(&server);

    let mut readers = Vec::new();
    for _ in 0..READERS {
        let mut reader = browser.connect_narrowly().await;
        reader.say("subscribe", json!({"conversation_id": id})).await;
        reader.expect("subscribed").await;
        readers.push(reader);
    }
    let before = memory(&server);
    let began = Instant::now();
    flood(&model, &mut asking, &id).await;
    let (flooded, grown) = (began.elapsed(), memory(&server).saturating_sub(before));
    let grown = grown.saturating_sub(grown_without);
    let there = open_sockets(&server);
    let cut_off = async {
        while open_sockets(&server) > sockets {
            sleep(Duration::from_millis(50)).await;
        }
    };
    let slowest = Duration::from_secs(slowest.into());
    timeout(slowest + PATIENCE, cut_off).await.expect("they are cut off");
    let took = began.elapsed();

    assert!(
        there >= sockets + usize::from(READERS),
        "gone {flooded:?} after it began: {there} sockets"
    );
    let each = grown / u64::from(READERS);
    assert!(each < MIB, "{each} bytes for each reader that reads nothing");
    assert!(took < flooded + slowest + Duration::from_secs(2), "{took:?}");
    let kib = each / 1024;
    figure.done(
        READERS.into(),
        format!("{kib} KiB held for each, all cut off {} after it began", in_seconds(took)),
    );
}
