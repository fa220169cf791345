//! Who waits learns what happens, on whichever instance it does, at the cost of one connection.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{sleep, timeout};
use webchat_domain::{ConversationId, EventId};
use webchat_persistence::{Replay, TurnLog};

use crate::events::chunk;
use crate::redis_server::{Raw, RedisServer, open_shared};

const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn two_instances_see_each_others_events_live() {
    let (store, _) = open_shared().await;
    let (one, other) = (store.turn_log(), store.turn_log());
    let id = ConversationId::generate();

    let mut reached = one.checkpoint(id).await.unwrap().seq;
    for (publisher, listener) in [(&one, &other), (&other, &one), (&one, &other)] {
        let telling = async {
            // Let the listener fall asleep first.
            sleep(Duration::from_millis(50)).await;
            publisher.append(id, EventId::generate(), chunk("x")).await.unwrap()
        };
        let (waited, told) = tokio::join!(timeout(SOON, listener.wait(id, reached)), telling);

        waited.expect("woken").unwrap();
        let read = listener.read(id, reached).await.unwrap();
        reached = told.seq;
        assert_eq!(read, Replay::Complete(vec![told]));
    }
}

#[tokio::test]
async fn a_waiter_misses_nothing_at_any_moment_of_its_falling_asleep() {
    let (store, _) = open_shared().await;
    let (publisher, listener) = (store.turn_log(), store.turn_log());

    for _ in 0..200 {
        let id = ConversationId::generate();
        let start = listener.checkpoint(id).await.unwrap().seq;
        let (waited, told) = tokio::join!(
            timeout(SOON, listener.wait(id, start)),
            publisher.append(id, EventId::generate(), chunk("x")),
        );
        waited.expect("woken").unwrap();
        told.unwrap();
    }
}

#[tokio::test]
async fn a_thousand_waiters_on_a_thousand_conversations_share_one_connection() {
    let server = RedisServer::start("").await;
    let mut raw = server.raw().await;
    let store = server.open().await;
    let (log, publisher) = (store.turn_log(), store.turn_log());
    let ids: Vec<_> = (0..1_000).map(|_| ConversationId::generate()).collect();

    let waiting = join_all(ids.iter().map(|id| timeout(SOON, log.wait(*id, 0))));
    let telling = async {
        subscriptions_reach(&mut raw, 1_000).await;
        let connections = raw.count_clients("webchat-events").await;
        for id in &ids {
            publisher.append(*id, EventId::generate(), chunk("x")).await.unwrap();
        }
        connections
    };
    let (waited, connections) = tokio::join!(waiting, telling);

    assert!(waited.iter().all(|waited| matches!(waited, Ok(Ok(())))));
    // The other one is the teller's.
    assert_eq!(connections, 2);
    subscriptions_reach(&mut raw, 0).await;
}

#[tokio::test]
async fn a_log_that_is_dropped_takes_its_connection_along() {
    let server = RedisServer::start("").await;
    let mut raw = server.raw().await;
    let log = server.open().await.turn_log();
    let early = timeout(Duration::from_millis(300), log.wait(ConversationId::generate(), 0)).await;
    let before = raw.count_clients("webchat-events").await;

    drop(log);

    assert!(early.is_err());
    assert_eq!(before, 1);
    let gone = async {
        while raw.count_clients("webchat-events").await > 0 {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(SOON, gone).await.expect("the connection ends");
}

#[tokio::test]
async fn a_conversation_that_can_not_be_read_keeps_nobody_else_waiting() {
    let (store, prefix) = open_shared().await;
    let log = store.turn_log();
    let (broken, sound) = (ConversationId::generate(), ConversationId::generate());
    let key = format!("{prefix}log:{}", broken.to_simple());
    let _: String = Raw::shared().await.run(&format!("SET {key} nonsense")).await;
    let told = log.append(sound, EventId::generate(), chunk("x")).await.unwrap();

    let (broken, sound) = tokio::join!(
        timeout(Duration::from_millis(500), log.wait(broken, 0)),
        timeout(SOON, log.wait(sound, 0)),
    );

    assert!(broken.is_err(), "it waits");
    sound.expect("woken").unwrap();
    drop(told);
}

async fn subscriptions_reach(raw: &mut Raw, wanted: usize) {
    let reached = async {
        loop {
            let channels: Vec<String> = raw.run("PUBSUB CHANNELS").await;
            if channels.len() == wanted {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(SOON, reached).await.expect("as many subscriptions as conversations waited for");
}
