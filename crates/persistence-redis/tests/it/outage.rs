//! A Redis that dies, hangs or refuses: calls fail soon and say that it will pass, those who wait go
//! on waiting, and when it is back, all goes on by itself.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use tokio::time::timeout;
use webchat_domain::{ConversationId, Event, EventId, Session, SessionId, Timestamp, UserId};
use webchat_persistence::{Replay, Sessions, StoreError, TurnLog};
use webchat_persistence_redis::{RedisStore, RedisTurnLog};

use crate::events::chunk;
use crate::proxy::Proxy;
use crate::redis_server::RedisServer;

/// What a call may take when Redis is away, on a busy machine.
const FAILS_WITHIN: Duration = Duration::from_secs(3);

const SOON: Duration = Duration::from_secs(15);

/// A connection that says that it ends is made anew at once.
const BEFORE_THE_HEARTBEAT: Duration = Duration::from_secs(1);

const NOW: Timestamp = Timestamp::from_unix_millis(1_767_323_045_000);

const DURABLE: &str = "--appendonly yes --appendfsync always";

type Waiting<'a> = Pin<Box<dyn Future<Output = Result<(), StoreError>> + 'a>>;

#[tokio::test]
async fn a_redis_that_was_killed_and_kept_its_data_goes_on() {
    let (next, replay) = kill_and_go_on(DURABLE).await;

    assert_eq!(replay, Replay::Complete(vec![next]));
}

#[tokio::test]
async fn a_redis_that_was_killed_and_lost_its_data_begins_anew_with_higher_numbers() {
    let (next, replay) = kill_and_go_on("").await;

    assert_eq!(replay, Replay::Gone { latest: next.seq });
}

/// A Redis with these options is killed and comes back: what is told next, and what there is then to read
/// for somebody who knows what was told before.
async fn kill_and_go_on(options: &str) -> (Arc<Event>, Replay) {
    let mut server = RedisServer::start(options).await;
    let (store, log, id) = parts(&server).await;
    let first = log.append(id, EventId::generate(), chunk("first")).await.unwrap();
    let mut waiting: Waiting<'_> = Box::pin(log.wait(id, first.seq));
    falls_asleep(&mut waiting).await;

    server.kill();
    all_calls_fail(&store, &log, id).await;
    falls_asleep(&mut waiting).await;
    server.start_again().await;
    server.is_ready().await;
    let next = log.append(id, EventId::generate(), chunk("next")).await.unwrap();

    timeout(SOON, waiting).await.expect("woken").unwrap();
    assert!(next.seq > first.seq);
    let replay = log.read(id, first.seq).await.unwrap();
    all_calls_succeed(&store, &log, id).await;
    (next, replay)
}

#[tokio::test]
async fn what_happens_while_the_waiters_connection_is_lost_is_learnt_when_it_is_back() {
    let server = RedisServer::start("").await;
    let (_, log, id) = parts(&server).await;
    let mut raw = server.raw().await;
    let first = log.append(id, EventId::generate(), chunk("first")).await.unwrap();
    let mut waiting: Waiting<'_> = Box::pin(log.wait(id, first.seq));
    falls_asleep(&mut waiting).await;

    let killed: u32 = raw.run("CLIENT KILL TYPE pubsub").await;
    log.append(id, EventId::generate(), chunk("next")).await.unwrap();

    assert_eq!(killed, 1);
    timeout(BEFORE_THE_HEARTBEAT, waiting).await.expect("woken").unwrap();
}

#[tokio::test]
async fn a_redis_that_hangs_holds_nobody_up() {
    let server = RedisServer::start("").await;
    let (store, log, id) = parts(&server).await;
    let first = log.append(id, EventId::generate(), chunk("first")).await.unwrap();
    let mut waiting: Waiting<'_> = Box::pin(log.wait(id, first.seq));
    falls_asleep(&mut waiting).await;

    server.signal("STOP");
    all_calls_fail(&store, &log, id).await;
    // More at once than there are connections.
    let began = Instant::now();
    let event_id = EventId::generate();
    let tries = join_all((0..100).map(|_| log.append(id, event_id, chunk("next")))).await;
    let took = began.elapsed();
    falls_asleep(&mut waiting).await;
    server.signal("CONT");
    let next = log.append(id, event_id, chunk("next")).await.unwrap();

    assert!(took < FAILS_WITHIN, "{took:?}");
    assert!(tries.iter().all(|tried| matches!(tried, Err(StoreError::Unavailable(_)))));
    timeout(SOON, waiting).await.expect("woken").unwrap();
    // The tries may have been done late, when Redis went on: once.
    let Replay::Complete(events) = log.read(id, first.seq).await.unwrap() else { panic!("gone") };
    assert_eq!(events.iter().filter(|event| event.body == next.body).count(), 1);
    all_calls_succeed(&store, &log, id).await;
}

#[tokio::test]
async fn connections_that_go_silent_are_given_up_and_made_anew() {
    let server = RedisServer::start("").await;
    let proxy = Proxy::before(server.address()).await;
    let store = RedisStore::open(&proxy.url(), SOON).await.unwrap();
    let (log, id) = (store.turn_log(), ConversationId::generate());
    let first = log.append(id, EventId::generate(), chunk("first")).await.unwrap();
    let mut waiting: Waiting<'_> = Box::pin(log.wait(id, first.seq));
    falls_asleep(&mut waiting).await;

    proxy.silence();
    let silent = log.append(id, EventId::generate(), chunk("unheard")).await;
    log.append(id, EventId::generate(), chunk("heard")).await.unwrap();

    assert!(matches!(silent, Err(StoreError::Unavailable(_))), "{silent:?}");
    timeout(SOON, waiting).await.expect("woken").unwrap();
}

#[tokio::test]
async fn a_redis_that_is_no_master_any_more_is_left_for_the_new_one() {
    for stale_data in ["yes", "no"] {
        let old = RedisServer::start(&format!("--replica-serve-stale-data {stale_data}")).await;
        let new = RedisServer::start("").await;
        let proxy = Proxy::before(old.address()).await;
        let store = RedisStore::open(&proxy.url(), SOON).await.unwrap();
        let session = session();
        store.save(&session, NOW, NOW.plus(SOON)).await.unwrap();

        let _: String = old.raw().await.run("REPLICAOF 127.0.0.1 1").await;
        proxy.lead_to(new.address());
        let refused = store.save(&session, NOW, NOW.plus(SOON)).await;

        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
        store.save(&session, NOW, NOW.plus(SOON)).await.unwrap();
    }
}

#[tokio::test]
async fn a_redis_that_takes_nothing_now_is_unavailable() {
    for (refusing, code) in
        [("CONFIG SET maxmemory 1", "OOM"), ("REPLICAOF 127.0.0.1 1", "ReadOnly")]
    {
        let server = RedisServer::start("").await;
        let (store, log, id) = parts(&server).await;

        let _: String = server.raw().await.run(refusing).await;
        let saved = store.save(&session(), NOW, NOW.plus(SOON)).await;
        let appended = log.append(id, EventId::generate(), chunk("x")).await;

        for error in [saved.unwrap_err(), appended.unwrap_err()] {
            let StoreError::Unavailable(cause) = error else { panic!("{refusing}: {error:?}") };
            assert!(cause.to_string().contains(code), "{cause}");
        }
    }
}

#[tokio::test]
async fn a_redis_that_lost_its_master_is_unavailable() {
    let server = RedisServer::start("--replica-serve-stale-data no").await;
    let (store, log, id) = parts(&server).await;

    let _: String = server.raw().await.run("REPLICAOF 127.0.0.1 1").await;

    all_calls_fail(&store, &log, id).await;
}

async fn parts(server: &RedisServer) -> (RedisStore, RedisTurnLog, ConversationId) {
    let store = server.open().await;
    let log = store.turn_log();
    (store, log, ConversationId::generate())
}

async fn falls_asleep(waiting: &mut Waiting<'_>) {
    assert!(timeout(Duration::from_millis(500), waiting).await.is_err(), "there is nothing new");
}

async fn all_calls_fail(store: &RedisStore, log: &RedisTurnLog, id: ConversationId) {
    let began = Instant::now();
    let calls = calls(store, log, id).into_iter();
    let outcomes = join_all(calls.map(async |(name, call)| (name, call.await, began.elapsed())));
    for (name, outcome, took) in outcomes.await {
        assert!(took < FAILS_WITHIN, "{name} took {took:?}");
        assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{name}: {outcome:?}");
    }
}

async fn all_calls_succeed(store: &RedisStore, log: &RedisTurnLog, id: ConversationId) {
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
            log.append(id, EventId::generate(), chunk("x")).map(|done| done.map(drop)).boxed(),
        ),
    ]
}

fn session() -> Session {
    Session {
        session_id: SessionId::generate(),
        user_id: UserId::generate(),
        conversation_id: None,
    }
}
