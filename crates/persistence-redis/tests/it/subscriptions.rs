//! Tests that readers on all instances are notified of events, over one connection per turn log.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{sleep, timeout};
use webchat_domain::{ConversationId, EventId};
use webchat_persistence::{Replay, TurnLog, TurnLogExt};

use crate::events::chunk;
use crate::redis_server::{Raw, RedisServer, open_shared};

const TIMEOUT: Duration = Duration::from_secs(10);

#[tokio::test]
async fn two_instances_receive_each_others_events() {
    let (store, _) = open_shared().await;
    let (one, other) = (store.turn_log(), store.turn_log());
    let id = ConversationId::generate();

    let mut last_seq = one.checkpoint(id).await.unwrap().seq;
    for (publisher, reader) in [(&one, &other), (&other, &one), (&one, &other)] {
        let publishing = async {
            // Let the reader start waiting first.
            sleep(Duration::from_millis(50)).await;
            publisher.append_one(id, EventId::generate(), chunk("x")).await.unwrap()
        };
        let (waited, appended) =
            tokio::join!(timeout(TIMEOUT, reader.wait(id, last_seq)), publishing);

        waited.expect("the reader was not notified in time").unwrap();
        let read = reader.read(id, last_seq).await.unwrap();
        last_seq = appended.seq;
        assert_eq!(read, Replay::Events(vec![appended]));
    }
}

#[tokio::test]
async fn no_event_is_missed_while_a_reader_starts_waiting() {
    let (store, _) = open_shared().await;
    let (publisher, reader) = (store.turn_log(), store.turn_log());

    for _ in 0..200 {
        let id = ConversationId::generate();
        let start = reader.checkpoint(id).await.unwrap().seq;
        let (waited, appended) = tokio::join!(
            timeout(TIMEOUT, reader.wait(id, start)),
            publisher.append_one(id, EventId::generate(), chunk("x")),
        );
        waited.expect("the reader was not notified in time").unwrap();
        appended.unwrap();
    }
}

#[tokio::test]
async fn readers_of_a_thousand_conversations_share_one_connection() {
    let server = RedisServer::start("").await;
    let mut raw = server.raw().await;
    let store = server.open().await;
    let (log, publisher) = (store.turn_log(), store.turn_log());
    let ids: Vec<_> = (0..1_000).map(|_| ConversationId::generate()).collect();

    let waiting = join_all(ids.iter().map(|id| timeout(TIMEOUT, log.wait(*id, 0))));
    let publishing = async {
        // Each conversation has two channels.
        wait_for_channels(&mut raw, 2 * ids.len()).await;
        let connections = raw.count_clients("webchat-events").await;
        for id in &ids {
            publisher.append_one(*id, EventId::generate(), chunk("x")).await.unwrap();
        }
        connections
    };
    let (waited, connections) = tokio::join!(waiting, publishing);

    assert!(waited.iter().all(|waited| matches!(waited, Ok(Ok(())))));
    // One connection belongs to the publisher.
    assert_eq!(connections, 2);
    wait_for_channels(&mut raw, 0).await;
}

#[tokio::test]
async fn dropping_a_log_closes_its_connection() {
    let server = RedisServer::start("").await;
    let mut raw = server.raw().await;
    let log = server.open().await.turn_log();
    let timed_out =
        timeout(Duration::from_millis(300), log.wait(ConversationId::generate(), 0)).await;
    let before = raw.count_clients("webchat-events").await;

    drop(log);

    assert!(timed_out.is_err());
    assert_eq!(before, 1);
    let closed = async {
        while raw.count_clients("webchat-events").await > 0 {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(TIMEOUT, closed).await.expect("the connection was not closed");
}

#[tokio::test]
async fn a_corrupt_conversation_does_not_block_others() {
    let (store, prefix) = open_shared().await;
    let log = store.turn_log();
    let (corrupt, intact) = (ConversationId::generate(), ConversationId::generate());
    let key = format!("{prefix}log:{}", corrupt.to_simple());
    let _: String = Raw::shared().await.run(&format!("SET {key} nonsense")).await;
    log.append_one(intact, EventId::generate(), chunk("x")).await.unwrap();

    let (corrupt, intact) = tokio::join!(
        timeout(Duration::from_millis(500), log.wait(corrupt, 0)),
        timeout(TIMEOUT, log.wait(intact, 0)),
    );

    assert!(corrupt.is_err(), "the wait for the corrupt conversation ended");
    intact.expect("the reader was not notified in time").unwrap();
}

/// Waits until this number of channels has subscribers.
async fn wait_for_channels(raw: &mut Raw, expected: usize) {
    let poll = async {
        loop {
            let channels: Vec<String> = raw.run("PUBSUB CHANNELS").await;
            if channels.len() == expected {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(TIMEOUT, poll).await.expect("the number of channels was not reached in time");
}
