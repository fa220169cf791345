//! What a live connection may take, and what becomes of one that takes more.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Error;
use webchat_tests::Transport::{Polling, WebSocket};
use webchat_tests::{
    Browser, PATIENCE, Process, ScriptedModel, Socket, SocketIo, TestServer, socket_io_path,
    text_of, upgrade,
};

const MIB: u64 = 1024 * 1024;

#[tokio::test]
async fn who_says_more_than_ten_seconds_worth_at_once_is_told_to_wait_and_then_heard() {
    let server = TestServer::with(&[("WS_MESSAGES_PER_S", "2")]).await;
    let (_browser, mut socket) = server.socket().await;

    for _ in 0..20 {
        socket.say("ping", json!({})).await;
        socket.expect("pong").await;
    }
    socket.say("stop", json!({"client_message_id": "m1"})).await;
    let refused = socket.expect("error").await;
    let wait = refused["retry_after_ms"].as_u64().unwrap();
    sleep(Duration::from_millis(wait)).await;
    socket.say("ping", json!({})).await;

    assert_eq!(refused["code"], json!("rate_limited"));
    assert_eq!((&refused["event"], &refused["client_message_id"]), (&json!("stop"), &json!("m1")));
    assert!((1..=500).contains(&wait), "{wait}");
    socket.expect("pong").await;
}

#[tokio::test]
async fn who_goes_on_saying_too_much_is_closed() {
    let server = TestServer::with(&[("WS_MESSAGES_PER_S", "1")]).await;
    let (browser, mut socket) = server.socket().await;
    let mut io = SocketIo::connect(&browser, WebSocket).await;

    for _ in 0..30 {
        // What can't be read counts as well.
        socket.send_or_fail("{".into()).await;
        io.send_or_fail("42[\"ping\",{}]").await;
    }

    assert_eq!(socket.closed().await.map(u16::from), Some(1008));
    assert_eq!(io.ended().await, 1008);
}

fn status(refused: Result<Socket, Error>) -> u16 {
    match refused {
        Ok(_) => 101,
        Err(Error::Http(response)) => response.status().as_u16(),
        Err(other) => panic!("{other}"),
    }
}

async fn try_connect(browser: &Browser) -> Result<Socket, Error> {
    let url = browser.base().join("/ws").unwrap();
    upgrade(&url, browser.headers()).await.map(|(socket, _)| socket)
}

#[tokio::test]
async fn a_user_has_so_many_connections_and_another_when_one_is_gone() {
    let server = TestServer::with(&[("WS_CONNECTIONS_PER_USER", "2")]).await;
    let (browser, first) = server.socket().await;
    let _second = SocketIo::connect(&browser, Polling).await;

    let refused = status(try_connect(&browser).await);
    let polling = browser.get(&socket_io_path("polling", None)).await;
    let other = server.browser().connect().await;
    drop(first);
    let again = async {
        while try_connect(&browser).await.is_err() {
            sleep(Duration::from_millis(10)).await;
        }
    };

    assert_eq!(refused, 429);
    assert_eq!(polling.refusal(), (429, "connection_limit".to_owned()));
    assert_eq!(polling.header("retry-after"), "5");
    drop(other);
    timeout(PATIENCE, again).await.expect("there is room again");
}

#[tokio::test]
async fn a_quiet_connection_that_answers_pings_stays() {
    let server = TestServer::with(&[("WS_IDLE_S", "1")]).await;
    let (_browser, mut quiet) = server.socket().await;

    let closed = timeout(Duration::from_millis(2_500), quiet.closed()).await;

    assert!(closed.is_err(), "it was closed: {closed:?}");
}

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
    const READERS: usize = 80;
    let (model, folder) = (ScriptedModel::start(), tempfile::tempdir().unwrap());
    let settings = [
        ("AZURE_API_URL", model.url()),
        ROOMY,
        ("WS_SLOWEST_S", "10"),
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
    timeout(PATIENCE, cut_off).await.expect("they are cut off");
    let took = began.elapsed();

    assert!(there >= READERS, "they were gone {flooded:?} after it began: {there} sockets");
    let each = grown / u64::try_from(READERS).unwrap();
    assert!(each < MIB, "{each} bytes for each reader that reads nothing");
    assert!(took < flooded + Duration::from_secs(12), "{took:?}");
}
