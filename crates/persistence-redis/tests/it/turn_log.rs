//! Tests of the events that the log keeps and deletes, and of detecting gaps.

use std::sync::Arc;

use webchat_domain::{ConversationId, Event, EventBody, EventId, TurnId};
use webchat_persistence::{Checkpoint, Replay, TurnLog, TurnLogExt};
use webchat_persistence_redis::RedisTurnLog;

use crate::events::{accepted, chunk, usage};
use crate::redis_server::{Raw, RedisServer, open_shared};

/// A conversation in the log, with direct access to Redis.
struct TestLog {
    log: RedisTurnLog,
    id: ConversationId,
    prefix: String,
    raw: Raw,
}

impl TestLog {
    async fn open() -> Self {
        let (store, prefix) = open_shared().await;
        let id = ConversationId::generate();
        Self { log: store.turn_log(), id, prefix, raw: Raw::shared().await }
    }

    async fn append(&self, body: EventBody) -> Arc<Event> {
        self.log.append_one(self.id, EventId::generate(), body).await.unwrap()
    }

    async fn append_chunks(&self, count: usize) -> Arc<Event> {
        for _ in 1..count {
            self.append(chunk("x")).await;
        }
        self.append(chunk("last")).await
    }

    /// Reads all pages.
    async fn read(&self, after: u64) -> Replay {
        let (mut all, mut reached) = (Vec::new(), after);
        loop {
            match self.log.read(self.id, reached).await.unwrap() {
                Replay::Events(events) if events.is_empty() => return Replay::Events(all),
                Replay::Events(events) => all.extend(events),
                gap @ Replay::Gap { .. } => return gap,
            }
            reached = all.last().map_or(reached, |newest| newest.seq);
        }
    }

    async fn checkpoint(&self) -> Checkpoint {
        self.log.checkpoint(self.id).await.unwrap()
    }

    async fn count_kept(&mut self) -> usize {
        self.raw.run(&format!("XLEN {}", self.events_key())).await
    }

    async fn delete(&mut self, key: &str) {
        assert_eq!(self.raw.run::<u32>(&format!("DEL {key}")).await, 1);
    }

    fn events_key(&self) -> String {
        format!("{}events:{}", self.prefix, self.id.to_simple())
    }

    fn state_key(&self) -> String {
        format!("{}log:{}", self.prefix, self.id.to_simple())
    }

    fn origin_key(&self) -> String {
        format!("{}origin", self.prefix)
    }
}

#[tokio::test]
async fn sequence_numbers_increase_after_a_loss_of_all_data() {
    let mut test = TestLog::open().await;
    // More than one event per millisecond: numbers in milliseconds would not suffice.
    let before = test.append_chunks(200).await;

    for key in [test.events_key(), test.state_key(), test.origin_key()] {
        test.delete(&key).await;
    }
    let after = test.append(chunk("new")).await;

    assert!(after.seq > before.seq);
    assert!(after.seq < 1 << 53, "a browser can't represent the number");
    assert_eq!(test.read(before.seq).await, Replay::Gap { latest: after.seq });
    assert_eq!(test.read(0).await, Replay::Events(vec![after]));
}

#[tokio::test]
async fn a_reader_that_started_before_the_first_event_misses_nothing() {
    let test = TestLog::open().await;

    let start = test.checkpoint().await;
    let empty = test.read(start.seq).await;
    let first = test.append(accepted(TurnId::generate())).await;

    assert_eq!((start.latest, start.running_turn), (start.seq, None));
    assert_eq!(empty, Replay::Events(vec![]));
    assert_eq!(test.read(start.seq).await, Replay::Events(vec![first]));
}

#[tokio::test]
async fn sequence_numbers_out_of_range_are_reported_as_a_gap() {
    const TEN_DAYS_MICROS: u64 = 10 * 24 * 60 * 60 * 1_000_000;
    let mut test = TestLog::open().await;
    let now = test.checkpoint().await.seq;
    // Pretend that this Redis server has been in use for a long time.
    let _: String = test.raw.run(&format!("SET {} 1", test.origin_key())).await;

    for after in [17, now - TEN_DAYS_MICROS, now + TEN_DAYS_MICROS, u64::MAX] {
        assert_eq!(test.read(after).await, Replay::Gap { latest: 0 }, "{after}");
    }
    assert_eq!(test.read(now).await, Replay::Events(vec![]));
}

#[tokio::test]
async fn a_reader_that_started_before_a_loss_of_the_log_has_a_gap() {
    let mut test = TestLog::open().await;
    let start = test.checkpoint().await;
    test.append(chunk("lost")).await;

    for key in [test.events_key(), test.state_key(), test.origin_key()] {
        test.delete(&key).await;
    }
    let empty = test.read(start.seq).await;
    let later = test.append(chunk("new")).await;

    assert_eq!(empty, Replay::Gap { latest: 0 });
    assert_eq!(test.read(start.seq).await, Replay::Gap { latest: later.seq });
}

#[tokio::test]
async fn a_conversation_continues_after_its_events_have_expired() {
    let mut test = TestLog::open().await;
    let old = test.append(chunk("old")).await;
    let newest = test.append(chunk("newest")).await;

    let events = test.events_key();
    test.delete(&events).await;
    let nothing_new = test.read(newest.seq).await;
    let next = test.append(accepted(TurnId::generate())).await;

    assert_eq!(nothing_new, Replay::Events(vec![]));
    assert_eq!(test.read(newest.seq).await, Replay::Events(vec![Arc::clone(&next)]));
    assert_eq!(test.read(old.seq).await, Replay::Gap { latest: next.seq });
    assert_eq!(test.checkpoint().await.seq, newest.seq);
}

#[tokio::test]
async fn a_turn_whose_events_have_expired_is_not_running() {
    let mut test = TestLog::open().await;
    let accepted_event = test.append(accepted(TurnId::generate())).await;

    let events = test.events_key();
    test.delete(&events).await;

    let idle =
        Checkpoint { seq: accepted_event.seq, latest: accepted_event.seq, running_turn: None };
    assert_eq!(test.checkpoint().await, idle);
}

#[tokio::test]
async fn a_long_turn_is_replayed_completely_in_many_pages() {
    let test = TestLog::open().await;
    let turn_id = TurnId::generate();
    test.append_chunks(1_100).await;
    let accepted_event = test.append(accepted(turn_id)).await;
    // The late end of an abandoned turn.
    test.append(usage(TurnId::generate())).await;
    let newest = test.append_chunks(1_500).await;

    let checkpoint = test.checkpoint().await;
    let replay = test.read(checkpoint.seq).await;

    assert_eq!((checkpoint.running_turn, checkpoint.latest), (Some(turn_id), newest.seq));
    let Replay::Events(events) = replay else { panic!("{replay:?}") };
    assert_eq!(events.len(), 1_502);
    assert_eq!((events.first(), events.last()), (Some(&accepted_event), Some(&newest)));
    assert!(events.is_sorted_by(|event, next| event.seq < next.seq));
}

#[tokio::test]
async fn the_size_and_age_of_a_log_are_bounded() {
    let mut test = TestLog::open().await;
    let turn_id = TurnId::generate();

    test.append(accepted(turn_id)).await;
    test.append_chunks(2_000).await;
    let during = test.count_kept().await;
    test.append(usage(turn_id)).await;
    test.append(chunk("later")).await;
    let after = test.count_kept().await;

    assert_eq!(during, 2_001);
    // Redis trims whole nodes of 100 entries.
    assert!((1_024..1_224).contains(&after), "{after}");
    for (key, max) in [(test.events_key(), 3_600_000), (test.state_key(), 604_800_000)] {
        let left: i64 = test.raw.run(&format!("PTTL {key}")).await;
        assert!((max - 60_000..=max).contains(&left), "{key}: {left}");
    }
}

#[tokio::test]
async fn an_unfinished_turn_is_trimmed_when_the_next_one_begins() {
    let mut test = TestLog::open().await;
    let turn_id = TurnId::generate();
    test.append(accepted(TurnId::generate())).await;
    let unfinished = test.append_chunks(2_000).await;

    test.append(accepted(turn_id)).await;

    assert!(test.count_kept().await < 1_224);
    let checkpoint = test.checkpoint().await;
    assert_eq!((checkpoint.seq, checkpoint.running_turn), (unfinished.seq, Some(turn_id)));
}

#[tokio::test]
async fn reading_a_conversation_without_events_stores_only_its_origin() {
    let mut test = TestLog::open().await;

    test.checkpoint().await;
    test.read(0).await;

    let keys: Vec<String> = test.raw.run(&format!("KEYS {}*", test.prefix)).await;
    assert_eq!(keys, [test.origin_key()]);
}

#[tokio::test]
async fn an_invalid_entry_is_a_gap_after_the_events_before_it() {
    let turn = TurnId::generate();
    let chunk = format!(r#"{{"chunk":"x","turn_id":"{turn}"}}"#);
    for entry in [
        "-0 id 1 event response_chunk data {}".to_owned(),
        "-0 id 1 event response_chunk data not-json".to_owned(),
        format!("-0 id 1 event burn_it data {chunk}"),
        format!("-0 id 1 event response_chunk datum {chunk}"),
        format!("-0 id 1 event response_chunk data {}", chunk.replace(&turn.to_string(), "7")),
        format!("-1 id 1 event response_chunk data {chunk}"),
    ] {
        let mut test = TestLog::open().await;
        let first = test.append(crate::events::chunk("a")).await;
        let seq = first.seq + 1;
        let _: String = test.raw.run(&format!("XADD {} {seq}{entry}", test.events_key())).await;
        let _: u32 = test.raw.run(&format!("HSET {} latest {seq}", test.state_key())).await;

        let last = test.append(crate::events::chunk("b")).await;

        let before = test.log.read(test.id, first.seq - 1).await.unwrap();
        let at_entry = test.log.read(test.id, first.seq).await.unwrap();
        let next = test.append(crate::events::chunk("c")).await;
        let after = test.log.read(test.id, last.seq).await.unwrap();

        assert_eq!(before, Replay::Events(vec![first]), "{entry}");
        assert_eq!(at_entry, Replay::Gap { latest: last.seq }, "{entry}");
        assert_eq!(after, Replay::Events(vec![next]), "{entry}");
    }
}

#[tokio::test]
async fn a_duplicate_event_returns_the_first_one() {
    let test = TestLog::open().await;
    let event_id = EventId::generate();

    let first = test.log.append_one(test.id, event_id, chunk("first")).await.unwrap();
    let duplicate = test.log.append_one(test.id, event_id, chunk("other")).await.unwrap();

    assert_eq!(duplicate, first);
}

#[tokio::test]
async fn a_server_with_older_data_reuses_no_sequence_number() {
    let mut server = RedisServer::start("").await;
    let id = ConversationId::generate();
    let log = server.open().await.turn_log();
    let append = |text| log.append_one(id, EventId::generate(), chunk(text));
    let kept = append("kept").await.unwrap();
    let _: String = server.raw().await.run("SAVE").await;
    let lost = append("lost").await.unwrap();

    server.kill();
    server.restart().await;
    server.wait_until_ready().await;
    let next = append("next").await.unwrap();

    assert!(next.seq > lost.seq);
    assert_eq!(log.read(id, lost.seq).await.unwrap(), Replay::Gap { latest: next.seq });
    assert_eq!(log.read(id, 0).await.unwrap(), Replay::Events(vec![kept, next]));
}
