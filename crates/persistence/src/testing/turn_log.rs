//! Contract tests of [`TurnLog`].
#![expect(missing_docs, reason = "the test names describe the contract")]

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;
use webchat_domain::{
    ConversationChange, ConversationId, Event, EventBody, EventId, FileProgress, FinishReason,
    JobId, JobStatus, Ledger, MessageAccepted, MessageId, MessageStatus, Problem, ReasoningChunk,
    ResponseChunk, ResponseEnd, Timestamp, Title, TokenUsage, TurnFailed, TurnId,
};

use crate::rules::MAX_APPENDED_EVENTS;
use crate::{Checkpoint, NewEvent, Replay, StoreError, TurnLog, TurnLogExt};

/// More events of ended turns than any log keeps.
const MORE_THAN_KEPT: usize = 5_000;

pub async fn events_are_numbered_and_read_in_order(log: &dyn TurnLog) {
    let id = ConversationId::generate();

    let first = append(log, id, chunk("a")).await.unwrap();
    let second = append(log, id, chunk("b")).await.unwrap();

    assert!(0 < first.seq && first.seq < second.seq);
    assert_eq!(read_all(log, id, 0).await, [Arc::clone(&first), Arc::clone(&second)]);
    assert_eq!(read_all(log, id, first.seq).await, [Arc::clone(&second)]);
    assert_eq!(read_all(log, id, second.seq).await, []);
}

pub async fn an_erased_conversation_has_no_events(log: &dyn TurnLog) {
    let (erased, other) = (ConversationId::generate(), ConversationId::generate());
    append(log, erased, chunk("canary")).await.unwrap();
    let kept = append(log, other, chunk("mine")).await.unwrap();

    for _ in 0..2 {
        log.erase(erased).await.unwrap();
    }

    assert_eq!(read_all(log, erased, 0).await, []);
    assert_eq!(log.checkpoint(erased).await.unwrap().running_turn, None);
    assert_eq!(read_all(log, other, 0).await, [kept]);
}

pub async fn each_conversation_has_its_own_sequence_numbers(log: &dyn TurnLog) {
    let (one, other) = (ConversationId::generate(), ConversationId::generate());

    let event = append(log, one, chunk("mine")).await.unwrap();

    assert_eq!(read_all(log, one, 0).await, [event]);
    assert_eq!(read_all(log, other, 0).await, []);
}

pub async fn a_reader_waits_for_the_next_event(log: &dyn TurnLog) {
    let id = ConversationId::generate();
    let first = append(log, id, chunk("a")).await.unwrap();

    let early = timeout(Duration::from_millis(50), log.wait(id, first.seq)).await;
    let (waited, second) = tokio::join!(log.wait(id, first.seq), append(log, id, chunk("b")));

    assert!(early.is_err(), "the wait ended before the next event");
    waited.unwrap();
    assert_eq!(read_all(log, id, first.seq).await, [second.unwrap()]);
}

pub async fn a_read_during_the_first_append_misses_nothing(log: &dyn TurnLog) {
    for _ in 0..100 {
        let id = ConversationId::generate();

        let reads = join_all((0..20).map(|_| log.read(id, 0)));
        let (published, read) = tokio::join!(append(log, id, chunk("a")), reads);

        let published = Replay::Events(vec![published.unwrap()]);
        for read in read {
            let read = read.unwrap();
            assert!(read == Replay::Events(Vec::new()) || read == published, "{read:?}");
        }
    }
}

pub async fn each_concurrent_append_gets_its_own_sequence_number(log: &dyn TurnLog) {
    let id = ConversationId::generate();

    let events = join_all((0..100).map(|_| append(log, id, chunk("x")))).await;

    let numbers: HashSet<u64> = events.into_iter().map(|event| event.unwrap().seq).collect();
    assert_eq!(numbers.len(), 100);
    let mut read: Vec<u64> = read_all(log, id, 0).await.iter().map(|event| event.seq).collect();
    assert_eq!(read.len(), 100);
    assert!(read.is_sorted(), "{read:?}");
    read.retain(|seq| !numbers.contains(seq));
    assert_eq!(read, Vec::<u64>::new());
}

pub async fn an_unknown_sequence_number_is_rejected(log: &dyn TurnLog) {
    let id = ConversationId::generate();

    assert_eq!(log.read(id, 17).await.unwrap(), Replay::Gap { latest: 0 });
    let event = append(log, id, chunk("a")).await.unwrap();

    let gone = Replay::Gap { latest: event.seq };
    assert_eq!(log.read(id, event.seq + 1).await.unwrap(), gone);
}

pub async fn a_replay_with_a_gap_is_rejected(log: &dyn TurnLog) {
    let id = ConversationId::generate();
    let first = append(log, id, chunk("first")).await.unwrap();
    let last = append_many(log, id, MORE_THAN_KEPT).await;

    let gone = Replay::Gap { latest: last.seq };
    assert_eq!(log.read(id, first.seq).await.unwrap(), gone);
    assert_eq!(log.read(id, 0).await.unwrap(), gone);
    assert_eq!(read_all(log, id, last.seq).await, []);
}

pub async fn all_events_of_a_running_turn_are_kept(log: &dyn TurnLog) {
    let id = ConversationId::generate();
    let accepted = append(log, id, accepted(TurnId::generate())).await.unwrap();

    append_many(log, id, MORE_THAN_KEPT).await;

    let replay = read_all(log, id, accepted.seq).await;
    assert_eq!(replay.len(), MORE_THAN_KEPT);
}

pub async fn a_checkpoint_is_before_the_running_turn(log: &dyn TurnLog) {
    let id = ConversationId::generate();
    let turn_id = TurnId::generate();
    let title = append(log, id, EventBody::ConversationUpdated(ConversationChange::Deleted)).await;
    let before = log.checkpoint(id).await.unwrap();

    let question = append(log, id, accepted(turn_id)).await.unwrap();
    let newest = append(log, id, chunk("a")).await.unwrap();
    let during = log.checkpoint(id).await.unwrap();
    let replay = read_all(log, id, during.seq).await;
    let end = append(log, id, usage(turn_id)).await.unwrap();
    let after = log.checkpoint(id).await.unwrap();

    assert_eq!(before, idle_checkpoint(title.unwrap().seq));
    assert_eq!((during.running_turn, during.latest), (Some(turn_id), newest.seq));
    assert_eq!(replay.first(), Some(&question));
    assert_eq!(after, idle_checkpoint(end.seq));
}

pub async fn a_duplicate_event_id_returns_the_first_event(log: &dyn TurnLog) {
    let id = ConversationId::generate();
    let event_id = EventId::generate();
    let first = log.append_one(id, event_id, chunk("a")).await.unwrap();
    let between = append_many(log, id, 16).await;

    let again = log.append_one(id, event_id, chunk("a")).await.unwrap();
    let new_event = append(log, id, Event::clone(&first).body).await.unwrap();

    assert_eq!(again, first);
    assert_eq!(read_all(log, id, between.seq).await, [new_event]);
}

pub async fn a_duplicate_is_found_after_the_number_that_the_caller_knows(log: &dyn TurnLog) {
    let id = ConversationId::generate();
    let known = append_many(log, id, 8).await.seq;
    let event_id = EventId::generate();
    let event = NewEvent { event_id, duplicates_after: known, body: chunk("a") };
    let first = log.append(id, vec![event.clone()]).await.unwrap();
    let between = append_many(log, id, 16).await;

    // An earlier attempt may be executed after the attempt that succeeded.
    let again = log.append(id, vec![event]).await.unwrap();

    assert_eq!(again, first);
    assert_eq!(read_all(log, id, between.seq).await, []);
}

pub async fn events_are_appended_together(log: &dyn TurnLog) {
    let id = ConversationId::generate();
    let turn_id = TurnId::generate();
    let bodies = [
        EventBody::ConversationUpdated(ConversationChange::Branch),
        accepted(turn_id),
        chunk("a"),
        usage(turn_id),
    ];
    let events: Vec<_> = bodies
        .into_iter()
        .chain((4..MAX_APPENDED_EVENTS).map(|_| chunk("b")))
        .map(|body| NewEvent { event_id: EventId::generate(), duplicates_after: 0, body })
        .collect();

    let appended = log.append(id, events.clone()).await.unwrap();
    let checkpoint = log.checkpoint(id).await.unwrap();
    let between = append_many(log, id, 16).await;
    let again = log.append(id, events.clone()).await.unwrap();

    let bodies: Vec<_> = appended.iter().map(|event| event.body.clone()).collect();
    assert_eq!(bodies, events.into_iter().map(|event| event.body).collect::<Vec<_>>());
    assert!(appended.is_sorted_by(|one, next| one.seq < next.seq));
    assert_eq!(checkpoint, idle_checkpoint(appended.last().unwrap().seq));
    assert_eq!(again, appended, "the repeated append was not recognised");
    assert_eq!(read_all(log, id, between.seq).await, []);
    assert_eq!(read_all(log, id, 0).await[..appended.len()], appended);
}

pub async fn every_event_is_returned_unchanged(log: &dyn TurnLog) {
    let id = ConversationId::generate();
    let turn_id = TurnId::generate();
    let title = Title::try_from("Tides \u{1f319}".to_owned()).unwrap();
    let mut published = Vec::new();
    for body in [
        EventBody::ConversationUpdated(ConversationChange::Title { title }),
        accepted(turn_id),
        EventBody::ReasoningChunk(ReasoningChunk {
            chunk: "Hm, \0 \u{301}\n".to_owned(),
            duration_ms: u32::MAX,
            turn_id,
        }),
        chunk("nul \0, \u{301}, \u{2028} and \"quotes\"\r\n"),
        EventBody::Error(TurnFailed {
            message: "Please try again.".to_owned(),
            code: "model_failed".to_owned(),
            turn_id,
        }),
        EventBody::ResponseEnd(ResponseEnd {
            message_id: MessageId::generate(),
            turn_id,
            position: 2,
            finish_reason: FinishReason::ContentFilter,
            status: MessageStatus::Failed,
            token_count: u32::MAX,
            reasoning_ms: Some(7),
            reasoning_tokens: Some(2),
            created_at: Some(Timestamp::FIXTURE),
            ended_at: None,
        }),
        usage(turn_id),
        EventBody::ConversationUpdated(ConversationChange::FewShot),
        EventBody::ConversationUpdated(ConversationChange::Compacted { summary_through: 2 }),
        EventBody::FileProgress(FileProgress {
            job_id: JobId::generate(),
            file_name: "tides \u{1f319}.txt".to_owned().into(),
            parts_done: 2,
            part_count: 3,
            status: JobStatus::Failed,
            error: Some(Problem { message: "Part 3".to_owned(), code: "model_failed".to_owned() }),
        }),
        EventBody::ConversationUpdated(ConversationChange::File { job_id: JobId::generate() }),
        EventBody::ConversationUpdated(ConversationChange::Deleted),
    ] {
        published.push(append(log, id, body).await.unwrap());
    }

    assert_eq!(read_all(log, id, 0).await, published);
}

fn idle_checkpoint(seq: u64) -> Checkpoint {
    Checkpoint { seq, latest: seq, running_turn: None }
}

async fn read_all(log: &dyn TurnLog, id: ConversationId, after: u64) -> Vec<Arc<Event>> {
    let (mut events, mut reached) = (Vec::new(), after);
    loop {
        match log.read(id, reached).await.unwrap() {
            Replay::Events(next) if next.is_empty() => return events,
            Replay::Events(next) => events.extend(next),
            gone @ Replay::Gap { .. } => panic!("incomplete: {gone:?}"),
        }
        reached = events.last().map_or(reached, |newest| newest.seq);
    }
}

async fn append(
    log: &dyn TurnLog,
    id: ConversationId,
    body: EventBody,
) -> Result<Arc<Event>, StoreError> {
    log.append_one(id, EventId::generate(), body).await
}

async fn append_many(log: &dyn TurnLog, id: ConversationId, count: usize) -> Arc<Event> {
    for _ in 1..count {
        append(log, id, chunk("x")).await.unwrap();
    }
    append(log, id, chunk("last")).await.unwrap()
}

fn chunk(text: &str) -> EventBody {
    EventBody::ResponseChunk(ResponseChunk { chunk: text.to_owned(), turn_id: TurnId::generate() })
}

fn accepted(turn_id: TurnId) -> EventBody {
    EventBody::MessageAccepted(MessageAccepted { turn_id, ..MessageAccepted::fixture() })
}

fn usage(turn_id: TurnId) -> EventBody {
    let ledger = Ledger { window: 9, reserved: 2, history: 3, total: 5, ..Ledger::default() };
    EventBody::TokenUsage(TokenUsage {
        turn_id,
        total_tokens_used: 5,
        cached_tokens: 1,
        reasoning_tokens: 2,
        ledger,
    })
}
