//! Tests of outages: calls fail soon with a transient error, readers keep waiting, and everything recovers without
//! intervention.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use tokio::time::timeout;
use webchat_domain::{ConversationId, Event, EventId, Session, SessionId, Timestamp, UserId};
use webchat_persistence::{Replay, Sessions, StoreError, TurnLog, TurnLogExt};
use webchat_persistence_redis::{RedisStore, RedisTurnLog};

use crate::events::chunk;
use crate::proxy::Proxy;
use crate::redis_server::RedisServer;

/// The maximum duration of a call during an outage, on a busy machine.
const MAX_CALL_DURATION: Duration = Duration::from_secs(3);

const SOON: Duration = Duration::from_secs(15);

/// Shorter than the heartbeat interval: a connection whose loss is reported is restored immediately.
const LESS_THAN_HEARTBEAT: Duration = Duration::from_secs(1);

const NOW: Timestamp = Timestamp::from_unix_millis(1_767_323_045_000);

const DURABLE: &str = "--appendonly yes --appendfsync always";

type Waiting<'a> = Pin<Box<dyn Future<Output = Result<(), StoreError>> + 'a>>;

#[tokio::test]
async fn the_replay_after_a_crash_without_data_loss_is_complete() {
    let (next, replay) = crash_and_restart(DURABLE).await;

    assert_eq!(replay, Replay::Events(vec![next]));
}

#[tokio::test]
async fn sequence_numbers_increase_after_a_crash_with_data_loss() {
    let (next, replay) = crash_and_restart("").await;

    assert_eq!(replay, Replay::Gap { latest: next.seq });
}

/// Kills and restarts a server with these options. Returns the next event, and the replay from the last event before the
/// crash.
async fn crash_and_restart(options: &str) -> (Arc<Event>, Replay) {
    let mut server = RedisServer::start(options).await;
    let (store, log, id) = open(&server).await;
    let first = log.append_one(id, EventId::generate(), chunk("first")).await.unwrap();
    let mut waiting: Waiting<'_> = Box::pin(log.wait(id, first.seq));
    assert_keeps_waiting(&mut waiting).await;

    server.kill();
    assert_all_calls_fail(&store, &log, id).await;
    assert_keeps_waiting(&mut waiting).await;
    server.restart().await;
    server.wait_until_ready().await;
    let next = log.append_one(id, EventId::generate(), chunk("next")).await.unwrap();

    timeout(SOON, waiting).await.expect("the reader was not notified in time").unwrap();
    assert!(next.seq > first.seq);
    let replay = log.read(id, first.seq).await.unwrap();
    assert_all_calls_succeed(&store, &log, id).await;
    (next, replay)
}

#[tokio::test]
async fn events_during_a_lost_subscription_are_detected_after_reconnecting() {
    let server = RedisServer::start("").await;
    let (_, log, id) = open(&server).await;
    let mut raw = server.raw().await;
    let first = log.append_one(id, EventId::generate(), chunk("first")).await.unwrap();
    let mut waiting: Waiting<'_> = Box::pin(log.wait(id, first.seq));
    assert_keeps_waiting(&mut waiting).await;

    let killed: u32 = raw.run("CLIENT KILL TYPE pubsub").await;
    log.append_one(id, EventId::generate(), chunk("next")).await.unwrap();

    assert_eq!(killed, 1);
    timeout(LESS_THAN_HEARTBEAT, waiting)
        .await
        .expect("the reader was not notified in time")
        .unwrap();
}

#[tokio::test]
async fn a_hanging_server_does_not_block_calls() {
    let server = RedisServer::start("").await;
    let (store, log, id) = open(&server).await;
    let first = log.append_one(id, EventId::generate(), chunk("first")).await.unwrap();
    let mut waiting: Waiting<'_> = Box::pin(log.wait(id, first.seq));
    assert_keeps_waiting(&mut waiting).await;

    server.signal("STOP");
    assert_all_calls_fail(&store, &log, id).await;
    // More concurrent calls than connections.
    let started = Instant::now();
    let event_id = EventId::generate();
    let attempts = join_all((0..100).map(|_| log.append_one(id, event_id, chunk("next")))).await;
    let took = started.elapsed();
    assert_keeps_waiting(&mut waiting).await;
    server.signal("CONT");
    let next = log.append_one(id, event_id, chunk("next")).await.unwrap();

    assert!(took < MAX_CALL_DURATION, "{took:?}");
    assert!(attempts.iter().all(|attempt| matches!(attempt, Err(StoreError::Unavailable(_)))));
    timeout(SOON, waiting).await.expect("the reader was not notified in time").unwrap();
    // The attempts may still have taken effect, but only once.
    let Replay::Events(events) = log.read(id, first.seq).await.unwrap() else { panic!("gap") };
    assert_eq!(events.iter().filter(|event| event.body == next.body).count(), 1);
    assert_all_calls_succeed(&store, &log, id).await;
}

#[tokio::test]
async fn stalled_connections_are_replaced() {
    let server = RedisServer::start("").await;
    let proxy = Proxy::to(server.address()).await;
    let store = RedisStore::open(&proxy.url(), SOON).await.unwrap();
    let (log, id) = (store.turn_log(), ConversationId::generate());
    let first = log.append_one(id, EventId::generate(), chunk("first")).await.unwrap();
    let mut waiting: Waiting<'_> = Box::pin(log.wait(id, first.seq));
    assert_keeps_waiting(&mut waiting).await;

    proxy.make_half_open();
    let stalled = log.append_one(id, EventId::generate(), chunk("stalled")).await;
    log.append_one(id, EventId::generate(), chunk("next")).await.unwrap();

    assert!(matches!(stalled, Err(StoreError::Unavailable(_))), "{stalled:?}");
    timeout(SOON, waiting).await.expect("the reader was not notified in time").unwrap();
}

#[tokio::test]
async fn connections_to_a_former_master_are_replaced() {
    for stale_data in ["yes", "no"] {
        let old = RedisServer::start(&format!("--replica-serve-stale-data {stale_data}")).await;
        let new = RedisServer::start("").await;
        let proxy = Proxy::to(old.address()).await;
        let store = RedisStore::open(&proxy.url(), SOON).await.unwrap();
        let session = session();
        store.save(&session, NOW, NOW.plus(SOON)).await.unwrap();

        let _: String = old.raw().await.run("REPLICAOF 127.0.0.1 1").await;
        proxy.set_target(new.address());
        let failed = store.save(&session, NOW, NOW.plus(SOON)).await;

        assert!(matches!(failed, Err(StoreError::Unavailable(_))), "{failed:?}");
        store.save(&session, NOW, NOW.plus(SOON)).await.unwrap();
    }
}

#[tokio::test]
async fn a_server_that_rejects_writes_is_unavailable() {
    for (command, code) in
        [("CONFIG SET maxmemory 1", "OOM"), ("REPLICAOF 127.0.0.1 1", "ReadOnly")]
    {
        let server = RedisServer::start("").await;
        let (store, log, id) = open(&server).await;

        let _: String = server.raw().await.run(command).await;
        let saved = store.save(&session(), NOW, NOW.plus(SOON)).await;
        let appended = log.append_one(id, EventId::generate(), chunk("x")).await;

        for error in [saved.unwrap_err(), appended.unwrap_err()] {
            let StoreError::Unavailable(cause) = error else { panic!("{command}: {error:?}") };
            assert!(cause.to_string().contains(code), "{cause}");
        }
    }
}

#[tokio::test]
async fn a_replica_without_a_master_is_unavailable() {
    let server = RedisServer::start("--replica-serve-stale-data no").await;
    let (store, log, id) = open(&server).await;

    let _: String = server.raw().await.run("REPLICAOF 127.0.0.1 1").await;

    assert_all_calls_fail(&store, &log, id).await;
}

async fn open(server: &RedisServer) -> (RedisStore, RedisTurnLog, ConversationId) {
    let store = server.open().await;
    let log = store.turn_log();
    (store, log, ConversationId::generate())
}

async fn assert_keeps_waiting(waiting: &mut Waiting<'_>) {
    assert!(
        timeout(Duration::from_millis(500), waiting).await.is_err(),
        "the wait ended without a new event"
    );
}

async fn assert_all_calls_fail(store: &RedisStore, log: &RedisTurnLog, id: ConversationId) {
    let started = Instant::now();
    let calls = calls(store, log, id).into_iter();
    let outcomes = join_all(calls.map(async |(name, call)| (name, call.await, started.elapsed())));
    for (name, outcome, took) in outcomes.await {
        assert!(took < MAX_CALL_DURATION, "{name} took {took:?}");
        assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{name}: {outcome:?}");
    }
}

async fn assert_all_calls_succeed(store: &RedisStore, log: &RedisTurnLog, id: ConversationId) {
    for (name, call) in calls(store, log, id) {
        let outcome = call.await;
        assert!(outcome.is_ok(), "{name}: {outcome:?}");
    }
}

type Call<'a> = (&'static str, BoxFuture<'a, Result<(), StoreError>>);

fn calls<'a>(store: &'a RedisStore, log: &'a RedisTurnLog, id: ConversationId) -> Vec<Call<'a>> {
    vec![
        ("ping", store.ping().boxed()),
        ("find", store.find(SessionId::generate(), NOW).map(|done| done.map(drop)).boxed()),
        ("save", async { store.save(&session(), NOW, NOW.plus(SOON)).await }.boxed()),
        ("delete", store.delete(SessionId::generate()).boxed()),
        ("read", log.read(id, 0).map(|done| done.map(drop)).boxed()),
        ("checkpoint", log.checkpoint(id).map(|done| done.map(drop)).boxed()),
        (
            "append",
            log.append_one(id, EventId::generate(), chunk("x")).map(|done| done.map(drop)).boxed(),
        ),
    ]
}

fn session() -> Session {
    Session::anonymous(SessionId::generate(), UserId::generate())
}
