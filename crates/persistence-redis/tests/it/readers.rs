//! Tests of readers, which get new events with their notifications: nothing is missing, repeated or out of order.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join_all;
use redis::Client;
use tokio::time::{sleep, timeout};
use webchat_domain::{ConversationId, Event, EventId};
use webchat_persistence::{Replay, TurnLog, TurnLogExt};
use webchat_persistence_redis::{RedisStore, RedisTurnLog};

use crate::events::chunk;
use crate::redis_server::{Raw, RedisServer};

const SOON: Duration = Duration::from_secs(20);

/// Larger than the events in a notification.
const LARGE: usize = 10_000;

/// The effects of an append in an earlier version, which publishes only the number.
const APPEND_OF_EARLIER_VERSION: &str = "
    local events, log = KEYS[1], KEYS[2]
    local seq = string.format('%.0f', redis.call('HGET', log, 'latest') + 1)
    redis.call('XADD', events, seq .. '-0', 'id', seq, 'event', 'response_chunk', 'data', ARGV[1])
    redis.call('HSET', log, 'latest', seq)
    redis.call('PUBLISH', events, seq)
    return seq
";

/// Two instances that are subscribed to a conversation with one event.
struct Cluster {
    server: RedisServer,
    raw: Raw,
    store: RedisStore,
    instances: [RedisTurnLog; 2],
    id: ConversationId,
    first: Arc<Event>,
}

impl Cluster {
    async fn start() -> Self {
        let server = RedisServer::start("").await;
        let (raw, store) = (server.raw().await, server.open().await);
        let instances = [store.turn_log(), store.turn_log()];
        let id = ConversationId::generate();
        let first = append(&instances[0], id, "first").await;
        let mut cluster = Self { server, raw, store, instances, id, first };
        cluster.subscribe().await;
        cluster
    }

    /// Lets both instances subscribe.
    async fn subscribe(&mut self) {
        let [one, other] = &self.instances;
        let (id, after) = (self.id, self.first.seq);
        let subscribing = async { tokio::join!(one.wait(id, u64::MAX), other.wait(id, u64::MAX)) };
        let raw = &mut self.raw;
        let subscribed = async {
            while count_subscribers(raw, id).await < 2 {
                sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::select! {
            never = subscribing => panic!("{never:?}"),
            done = timeout(SOON, subscribed) => done.unwrap(),
        }
        // The newest number is read after subscribing.
        one.wait(id, after - 1).await.unwrap();
        other.wait(id, after - 1).await.unwrap();
    }

    async fn append(&self, text: &str) -> Arc<Event> {
        append(&self.instances[0], self.id, text).await
    }

    /// Appends an event as an instance of an earlier version does. Returns its number.
    async fn append_by_earlier_version(&mut self) -> u64 {
        let data = serde_json::to_string(&chunk("earlier")).unwrap();
        let id = self.id.to_simple();
        let keys = [format!("webchat:events:{id}"), format!("webchat:log:{id}")];
        self.raw.eval(APPEND_OF_EARLIER_VERSION, &keys, &data).await
    }

    /// Reads the events of the whole log from Redis.
    async fn stored(&self) -> Vec<Arc<Event>> {
        read_events(&self.store.turn_log(), self.id, 0, usize::MAX).await
    }
}

#[tokio::test]
async fn readers_of_all_instances_get_new_events_without_reading_redis() {
    let mut cluster = Cluster::start().await;
    let (id, first) = (cluster.id, cluster.first.seq);
    let _: String = cluster.raw.run("CONFIG RESETSTAT").await;

    let readers = cluster.instances.iter().flat_map(|log| [log; 3]);
    let readers = join_all(readers.map(|log| read_events(log, id, first, 50)));
    let appending = async {
        let mut appended = Vec::new();
        for _ in 0..50 {
            appended.push(cluster.append("x").await);
        }
        appended
    };
    let (received, appended) = tokio::join!(readers, appended_soon(appending));

    assert!(received.iter().all(|events| *events == appended));
    let calls = cluster.raw.calls().await;
    assert_eq!(calls.get("evalsha"), Some(&50), "{calls:?}");
    assert_eq!(calls.get("xrange"), None, "{calls:?}");
}

#[tokio::test]
async fn a_large_event_is_read_from_redis() {
    let cluster = Cluster::start().await;

    let large = cluster.append(&"x".repeat(LARGE)).await;
    let next = cluster.append("next").await;

    for log in &cluster.instances {
        let read = read_events(log, cluster.id, cluster.first.seq, 2).await;
        assert_eq!(read, [Arc::clone(&large), Arc::clone(&next)]);
    }
}

#[tokio::test]
async fn an_event_of_the_previous_version_is_received() {
    let mut cluster = Cluster::start().await;
    let before = cluster.append("before").await;

    let earlier = cluster.append_by_earlier_version().await;
    let after = cluster.append("after").await;

    for log in &cluster.instances {
        let read = read_events(log, cluster.id, cluster.first.seq, 3).await;
        let numbers: Vec<_> = read.iter().map(|event| event.seq).collect();
        assert_eq!(numbers, [before.seq, earlier, after.seq]);
    }
}

#[tokio::test]
async fn an_instance_of_the_previous_version_receives_the_number_of_an_event() {
    let cluster = Cluster::start().await;
    let client = Client::open(cluster.server.url()).unwrap();
    let mut earlier = client.get_async_pubsub().await.unwrap();
    earlier.subscribe(format!("webchat:events:{}", cluster.id.to_simple())).await.unwrap();

    let event = cluster.append("x").await;

    let message = timeout(SOON, earlier.on_message().next()).await.unwrap().unwrap();
    assert_eq!(message.get_payload::<u64>().unwrap(), event.seq);
}

#[tokio::test]
async fn a_reader_notices_that_redis_has_lost_its_data() {
    let mut cluster = Cluster::start().await;
    let lost = cluster.append("lost").await;

    let _: String = cluster.raw.run("FLUSHALL").await;
    let next = cluster.append("next").await;

    for log in &cluster.instances {
        timeout(SOON, log.wait(cluster.id, lost.seq)).await.unwrap().unwrap();
        let gone = Replay::Gap { latest: next.seq };
        assert_eq!(log.read(cluster.id, lost.seq).await.unwrap(), gone);
        assert_eq!(log.read(cluster.id, 0).await.unwrap(), Replay::Events(vec![next.clone()]));
    }
}

#[tokio::test]
async fn a_reader_that_fell_behind_the_log_has_a_gap() {
    let mut cluster = Cluster::start().await;
    let mut newest = Arc::clone(&cluster.first);

    for _ in 0..2_000 {
        newest = cluster.append("x").await;
    }
    cluster.subscribe().await;

    for log in &cluster.instances {
        let gone = Replay::Gap { latest: newest.seq };
        assert_eq!(log.read(cluster.id, cluster.first.seq).await.unwrap(), gone);
    }
}

/// Instances of both versions append small and large events, while connections are lost.
#[tokio::test]
async fn readers_receive_each_event_once_and_in_order_despite_lost_connections() {
    const APPENDS: usize = 150;
    let mut cluster = Cluster::start().await;
    let (id, first, server) = (cluster.id, cluster.first.seq, cluster.server.raw().await);
    let [one, other] = [cluster.store.turn_log(), cluster.store.turn_log()];
    let expected = 3 * APPENDS;
    let readers = join_all([&one, &other, &one].map(|log| read_events(log, id, first, expected)));

    let appending = async |log: &RedisTurnLog| {
        for index in 0..APPENDS {
            let text = "x".repeat(if index % 10 == 0 { LARGE } else { 10 });
            append(log, id, &text).await;
            sleep(Duration::from_millis(3)).await;
        }
    };
    let disturbing = async |mut raw: Raw| {
        for _ in 0..8 {
            sleep(Duration::from_millis(100)).await;
            let _: u32 = raw.run("CLIENT KILL TYPE pubsub").await;
        }
    };
    let earlier_version = async {
        for _ in 0..APPENDS {
            cluster.append_by_earlier_version().await;
            sleep(Duration::from_millis(3)).await;
        }
    };
    let (received, ..) = tokio::join!(
        readers,
        appending(&one),
        appending(&other),
        earlier_version,
        disturbing(server),
    );

    let stored = cluster.stored().await;
    assert_eq!(stored.len(), expected + 1);
    for events in received {
        assert!(events == stored[1..], "a reader received other events than those in the log");
    }
}

async fn appended_soon<T>(appending: impl Future<Output = T>) -> T {
    // Let the readers wait first.
    sleep(Duration::from_millis(50)).await;
    appending.await
}

async fn append(log: &RedisTurnLog, id: ConversationId, text: &str) -> Arc<Event> {
    log.append_one(id, EventId::generate(), chunk(text)).await.unwrap()
}

/// Reads the events after the number, and waits for more until there are `count`. With `usize::MAX`, only reads the
/// existing ones.
async fn read_events(
    log: &RedisTurnLog,
    id: ConversationId,
    after: u64,
    count: usize,
) -> Vec<Arc<Event>> {
    let (mut received, mut reached) = (Vec::new(), after);
    while received.len() < count {
        if count < usize::MAX {
            let waited = timeout(SOON, log.wait(id, reached)).await;
            waited
                .unwrap_or_else(|_| panic!("not notified after {} events", received.len()))
                .unwrap();
        }
        match log.read(id, reached).await.unwrap() {
            Replay::Events(events) if events.is_empty() && count == usize::MAX => break,
            Replay::Events(events) => received.extend(events),
            gone @ Replay::Gap { .. } => panic!("{gone:?} after {reached}"),
        }
        reached = received.last().map_or(after, |newest| newest.seq);
    }
    received
}

async fn count_subscribers(raw: &mut Raw, id: ConversationId) -> u32 {
    let channel = format!("webchat:notifications:{}", id.to_simple());
    let counts: HashMap<String, u32> = raw.run(&format!("PUBSUB NUMSUB {channel}")).await;
    counts[&channel]
}
