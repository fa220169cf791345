//! What the log keeps and forgets, and that no replay has a hole because of it.

use std::sync::Arc;

use webchat_domain::{ConversationId, Event, EventBody, EventId, TurnId};
use webchat_persistence::{Checkpoint, Replay, StoreError, TurnLog};
use webchat_persistence_redis::RedisTurnLog;

use crate::events::{accepted, chunk, usage};
use crate::redis_server::{Raw, RedisServer, open_shared};

/// A conversation of its own, seen through the log and through Redis.
struct Room {
    log: RedisTurnLog,
    id: ConversationId,
    prefix: String,
    raw: Raw,
}

impl Room {
    async fn open() -> Self {
        let (store, prefix) = open_shared().await;
        let id = ConversationId::generate();
        Self { log: store.turn_log(), id, prefix, raw: Raw::shared().await }
    }

    async fn append(&self, body: EventBody) -> Arc<Event> {
        self.log.append(self.id, EventId::generate(), body).await.unwrap()
    }

    async fn append_chunks(&self, count: usize) -> Arc<Event> {
        for _ in 1..count {
            self.append(chunk("x")).await;
        }
        self.append(chunk("last")).await
    }

    /// Reads on to the end.
    async fn read(&self, after: u64) -> Replay {
        let (mut whole, mut reached) = (Vec::new(), after);
        loop {
            match self.log.read(self.id, reached).await.unwrap() {
                Replay::Complete(events) if events.is_empty() => return Replay::Complete(whole),
                Replay::Complete(events) => whole.extend(events),
                gone @ Replay::Gone { .. } => return gone,
            }
            reached = whole.last().map_or(reached, |newest| newest.seq);
        }
    }

    async fn checkpoint(&self) -> Checkpoint {
        self.log.checkpoint(self.id).await.unwrap()
    }

    async fn count_kept(&mut self) -> usize {
        self.raw.run(&format!("XLEN {}", self.events())).await
    }

    async fn forget(&mut self, key: &str) {
        assert_eq!(self.raw.run::<u32>(&format!("DEL {key}")).await, 1);
    }

    fn events(&self) -> String {
        format!("{}events:{}", self.prefix, self.id.to_simple())
    }

    fn state(&self) -> String {
        format!("{}log:{}", self.prefix, self.id.to_simple())
    }

    fn origin(&self) -> String {
        format!("{}origin", self.prefix)
    }
}

#[tokio::test]
async fn numbers_rise_where_redis_has_lost_all_it_had() {
    let mut room = Room::open().await;
    // Faster than one a millisecond: no clock of milliseconds could keep up.
    let before = room.append_chunks(200).await;

    for key in [room.events(), room.state(), room.origin()] {
        room.forget(&key).await;
    }
    let after = room.append(chunk("new")).await;

    assert!(after.seq > before.seq);
    assert!(after.seq < 1 << 53, "a browser can count so far");
    assert_eq!(room.read(before.seq).await, Replay::Gone { latest: after.seq });
    assert_eq!(room.read(0).await, Replay::Complete(vec![after]));
}

#[tokio::test]
async fn whoever_was_there_before_the_first_event_misses_nothing() {
    let room = Room::open().await;

    let start = room.checkpoint().await;
    let empty = room.read(start.seq).await;
    let first = room.append(accepted(TurnId::generate())).await;

    assert_eq!((start.latest, start.running_turn), (start.seq, None));
    assert_eq!(empty, Replay::Complete(vec![]));
    assert_eq!(room.read(start.seq).await, Replay::Complete(vec![first]));
}

#[tokio::test]
async fn a_number_that_no_event_can_have_had_yet_or_any_more_is_refused() {
    const TEN_DAYS: u64 = 10 * 24 * 60 * 60 * 1_000_000;
    let mut room = Room::open().await;
    let now = room.checkpoint().await.seq;
    // As if this Redis had long been in use.
    let _: String = room.raw.run(&format!("SET {} 1", room.origin())).await;

    for after in [17, now - TEN_DAYS, now + TEN_DAYS, u64::MAX] {
        assert_eq!(room.read(after).await, Replay::Gone { latest: 0 }, "{after}");
    }
    assert_eq!(room.read(now).await, Replay::Complete(vec![]));
}

#[tokio::test]
async fn whoever_was_there_before_a_log_that_is_lost_is_told_so() {
    let mut room = Room::open().await;
    let start = room.checkpoint().await;
    room.append(chunk("lost")).await;

    for key in [room.events(), room.state(), room.origin()] {
        room.forget(&key).await;
    }
    let empty = room.read(start.seq).await;
    let later = room.append(chunk("new")).await;

    assert_eq!(empty, Replay::Gone { latest: 0 });
    assert_eq!(room.read(start.seq).await, Replay::Gone { latest: later.seq });
}

#[tokio::test]
async fn a_conversation_goes_on_after_its_events_have_expired() {
    let mut room = Room::open().await;
    let old = room.append(chunk("old")).await;
    let newest = room.append(chunk("newest")).await;

    let events = room.events();
    room.forget(&events).await;
    let nothing_new = room.read(newest.seq).await;
    let next = room.append(accepted(TurnId::generate())).await;

    assert_eq!(nothing_new, Replay::Complete(vec![]));
    assert_eq!(room.read(newest.seq).await, Replay::Complete(vec![Arc::clone(&next)]));
    assert_eq!(room.read(old.seq).await, Replay::Gone { latest: next.seq });
    assert_eq!(room.checkpoint().await.seq, newest.seq);
}

#[tokio::test]
async fn a_turn_whose_events_have_expired_runs_no_more() {
    let mut room = Room::open().await;
    let begun = room.append(accepted(TurnId::generate())).await;

    let events = room.events();
    room.forget(&events).await;

    let at_rest = Checkpoint { seq: begun.seq, latest: begun.seq, running_turn: None };
    assert_eq!(room.checkpoint().await, at_rest);
}

#[tokio::test]
async fn a_long_turn_is_replayed_whole_from_its_checkpoint_in_many_pages() {
    let room = Room::open().await;
    let turn_id = TurnId::generate();
    room.append_chunks(1_100).await;
    let begun = room.append(accepted(turn_id)).await;
    // The late end of a turn that was given up.
    room.append(usage(TurnId::generate())).await;
    let newest = room.append_chunks(1_500).await;

    let checkpoint = room.checkpoint().await;
    let replay = room.read(checkpoint.seq).await;

    assert_eq!((checkpoint.running_turn, checkpoint.latest), (Some(turn_id), newest.seq));
    let Replay::Complete(events) = replay else { panic!("{replay:?}") };
    assert_eq!(events.len(), 1_502);
    assert_eq!((events.first(), events.last()), (Some(&begun), Some(&newest)));
    assert!(events.is_sorted_by(|one, next| one.seq < next.seq));
}

#[tokio::test]
async fn a_log_takes_bounded_space_and_time() {
    let mut room = Room::open().await;
    let turn_id = TurnId::generate();

    room.append(accepted(turn_id)).await;
    room.append_chunks(2_000).await;
    let during = room.count_kept().await;
    room.append(usage(turn_id)).await;
    room.append(chunk("later")).await;
    let after = room.count_kept().await;

    assert_eq!(during, 2_001);
    // Redis trims by whole nodes of its tree, of 100 entries.
    assert!((1_024..1_224).contains(&after), "{after}");
    for (key, most) in [(room.events(), 3_600_000), (room.state(), 604_800_000)] {
        let left: i64 = room.raw.run(&format!("PTTL {key}")).await;
        assert!((most - 60_000..=most).contains(&left), "{key}: {left}");
    }
}

#[tokio::test]
async fn a_turn_that_never_ended_is_forgotten_when_the_next_begins() {
    let mut room = Room::open().await;
    let turn_id = TurnId::generate();
    room.append(accepted(TurnId::generate())).await;
    let unfinished = room.append_chunks(2_000).await;

    room.append(accepted(turn_id)).await;

    assert!(room.count_kept().await < 1_224);
    let checkpoint = room.checkpoint().await;
    assert_eq!((checkpoint.seq, checkpoint.running_turn), (unfinished.seq, Some(turn_id)));
}

#[tokio::test]
async fn asking_for_a_conversation_without_events_takes_no_space() {
    let mut room = Room::open().await;

    room.checkpoint().await;
    room.read(0).await;

    let keys: Vec<String> = room.raw.run(&format!("KEYS {}*", room.prefix)).await;
    assert_eq!(keys, [room.origin()]);
}

#[tokio::test]
async fn what_is_no_event_is_a_fault_and_not_passed_over() {
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
        let mut room = Room::open().await;
        let first = room.append(crate::events::chunk("a")).await;
        let seq = first.seq + 1;
        let _: String = room.raw.run(&format!("XADD {} {seq}{entry}", room.events())).await;
        let _: u32 = room.raw.run(&format!("HSET {} latest {seq}", room.state())).await;

        let read = room.log.read(room.id, first.seq).await;

        assert!(matches!(read, Err(StoreError::Fault(_))), "{entry}: {read:?}");
    }
}

#[tokio::test]
async fn an_event_that_is_told_again_is_told_as_it_was() {
    let room = Room::open().await;
    let event_id = EventId::generate();

    let first = room.log.append(room.id, event_id, chunk("first")).await.unwrap();
    let again = room.log.append(room.id, event_id, chunk("other")).await.unwrap();

    assert_eq!(again, first);
}

#[tokio::test]
async fn a_redis_that_comes_back_with_older_data_gives_no_number_twice() {
    let mut server = RedisServer::start("").await;
    let id = ConversationId::generate();
    let log = server.open().await.turn_log();
    let append = |text| log.append(id, EventId::generate(), chunk(text));
    let kept = append("kept").await.unwrap();
    let _: String = server.raw().await.run("SAVE").await;
    let lost = append("lost").await.unwrap();

    server.kill();
    server.start_again().await;
    server.is_ready().await;
    let next = append("next").await.unwrap();

    assert!(next.seq > lost.seq);
    assert_eq!(log.read(id, lost.seq).await.unwrap(), Replay::Gone { latest: next.seq });
    assert_eq!(log.read(id, 0).await.unwrap(), Replay::Complete(vec![kept, next]));
}
