//! Tests of the commands that a turn costs Redis.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use webchat_domain::{ConversationChange, ConversationId, Event, EventBody, EventId, TurnId};
use webchat_persistence::{NewEvent, Replay, TurnLog};
use webchat_persistence_redis::RedisTurnLog;

use crate::events::{accepted, chunk, usage};
use crate::redis_server::RedisServer;

const SOON: Duration = Duration::from_secs(10);

/// The number of chunks of a turn.
const CHUNKS: u64 = 10;

#[tokio::test]
async fn appending_a_new_event_reads_no_other_event() {
    let server = RedisServer::start("").await;
    let (log, mut raw) = (server.open().await.turn_log(), server.raw().await);
    let id = ConversationId::generate();
    let turn_id = TurnId::generate();
    let newest = append(&log, id, newest_of(&log, id).await, vec![accepted(turn_id)]).await;
    let _: String = raw.run("CONFIG RESETSTAT").await;

    let newest = append(&log, id, newest, vec![chunk("a")]).await;
    append(&log, id, newest, vec![usage(turn_id)]).await;

    let calls = raw.calls().await;
    assert_eq!(calls["xadd"], 2, "{calls:?}");
    assert_eq!(reads_of_events(&calls), 0, "{calls:?}");
}

/// Prints the commands of a turn with one reader on the same instance.
#[tokio::test]
async fn a_turn_needs_few_commands() {
    let server = RedisServer::start("").await;
    let (log, mut raw) = (server.open().await.turn_log(), server.raw().await);
    let id = ConversationId::generate();
    // The scripts are loaded, and the reader has subscribed.
    let start = newest_of(&log, id).await;
    tokio::join!(run_turn(&log, id), receive_turn(&log, id, start));
    let start = newest_of(&log, id).await;
    let _: String = raw.run("CONFIG RESETSTAT").await;

    let (newest, received) = tokio::join!(run_turn(&log, id), receive_turn(&log, id, start));

    let calls = raw.calls().await;
    println!("a turn of {CHUNKS} chunks with a reader: {calls:#?}");
    assert_eq!(received.last().unwrap().seq, newest);
    let appends = CHUNKS + 2;
    assert_eq!(calls["evalsha"], 1 + appends, "the checkpoint and the appends: {calls:?}");
    assert_eq!(reads_of_events(&calls), 0, "{calls:?}");
    let commands: u64 =
        calls.iter().filter(|(name, _)| is_of_append(name)).map(|(_, calls)| calls).sum();
    assert!(commands <= 6 * appends + 8, "{commands} commands in scripts: {calls:?}");
}

/// Appends the events of a turn, with a call for each chunk. Returns the last number.
async fn run_turn(log: &RedisTurnLog, id: ConversationId) -> u64 {
    let turn_id = TurnId::generate();
    let newest = newest_of(log, id).await;
    let title = EventBody::ConversationUpdated(ConversationChange::Branch);
    let mut newest = append(log, id, newest, vec![accepted(turn_id), title]).await;
    for _ in 0..CHUNKS {
        newest = append(log, id, newest, vec![chunk("tides")]).await;
    }
    append(log, id, newest, vec![usage(turn_id)]).await
}

/// Follows the conversation until a turn ends.
async fn receive_turn(log: &RedisTurnLog, id: ConversationId, after: u64) -> Vec<Arc<Event>> {
    let (mut received, mut reached) = (Vec::<Arc<Event>>::new(), after);
    while received.last().is_none_or(|event| event.body.name() != "token_usage") {
        timeout(SOON, log.wait(id, reached)).await.expect("not notified in time").unwrap();
        match log.read(id, reached).await.unwrap() {
            Replay::Events(events) => received.extend(events),
            gone @ Replay::Gap { .. } => panic!("{gone:?}"),
        }
        reached = received.last().map_or(after, |newest| newest.seq);
    }
    received
}

async fn newest_of(log: &RedisTurnLog, id: ConversationId) -> u64 {
    log.checkpoint(id).await.unwrap().latest
}

/// Appends events whose ids are not in the log yet. Returns the last number.
async fn append(
    log: &RedisTurnLog,
    id: ConversationId,
    duplicates_after: u64,
    bodies: Vec<EventBody>,
) -> u64 {
    let event = |body| NewEvent { event_id: EventId::generate(), duplicates_after, body };
    let events = bodies.into_iter().map(event).collect();
    log.append(id, events).await.unwrap().last().unwrap().seq
}

fn reads_of_events(calls: &BTreeMap<String, u64>) -> u64 {
    ["xrange", "xrevrange", "xread"].iter().filter_map(|name| calls.get(*name)).sum()
}

/// Whether the command is one of those that the scripts use.
fn is_of_append(name: &str) -> bool {
    !matches!(name, "evalsha" | "ping" | "info" | "config|resetstat" | "subscribe" | "unsubscribe")
}
