//! Tests of the commands that a turn costs Redis.

use std::collections::BTreeMap;

use webchat_domain::{ConversationId, EventBody, EventId, TurnId};
use webchat_persistence::{NewEvent, TurnLog};
use webchat_persistence_redis::RedisTurnLog;

use crate::events::{accepted, chunk, usage};
use crate::redis_server::RedisServer;

#[tokio::test]
async fn appending_a_new_event_reads_no_other_event() {
    let server = RedisServer::start("").await;
    let (log, mut raw) = (server.open().await.turn_log(), server.raw().await);
    let id = ConversationId::generate();
    let turn_id = TurnId::generate();
    let newest = append(&log, id, accepted(turn_id), 0).await;
    let _: String = raw.run("CONFIG RESETSTAT").await;

    let newest = append(&log, id, chunk("a"), newest).await;
    append(&log, id, usage(turn_id), newest).await;

    let calls = raw.calls().await;
    assert_eq!(calls["xadd"], 2, "{calls:?}");
    assert_eq!(reads_of_events(&calls), 0, "{calls:?}");
}

/// Appends an event whose id is not in the log yet. Returns its sequence number.
async fn append(log: &RedisTurnLog, id: ConversationId, body: EventBody, newest: u64) -> u64 {
    let event = NewEvent { event_id: EventId::generate(), duplicates_after: newest, body };
    log.append(id, vec![event]).await.unwrap()[0].seq
}

fn reads_of_events(calls: &BTreeMap<String, u64>) -> u64 {
    ["xrange", "xrevrange", "xread"].iter().filter_map(|name| calls.get(*name)).sum()
}
