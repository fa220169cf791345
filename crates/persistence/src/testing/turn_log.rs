//! What [`TurnLog`] promises.
#![expect(missing_docs, reason = "the name is the promise")]

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;
use webchat_domain::{
    ConversationChange, ConversationId, Event, EventBody, Ledger, MessageAccepted, MessageId,
    ResponseChunk, TokenUsage, TurnId,
};

use super::moment;
use crate::{Checkpoint, Replay, TurnLog};

/// More than any log keeps of what is over.
const MORE_THAN_IS_KEPT: usize = 5_000;

pub async fn events_are_numbered_and_read_in_order(log: &dyn TurnLog) {
    let id = ConversationId::generate();

    let first = log.append(id, chunk("a")).await.unwrap();
    let second = log.append(id, chunk("b")).await.unwrap();

    assert!(0 < first.seq && first.seq < second.seq);
    assert_eq!(whole(log, id, 0).await, [Arc::clone(&first), Arc::clone(&second)]);
    assert_eq!(whole(log, id, first.seq).await, [Arc::clone(&second)]);
    assert_eq!(whole(log, id, second.seq).await, []);
}

pub async fn conversations_are_numbered_apart(log: &dyn TurnLog) {
    let (one, other) = (ConversationId::generate(), ConversationId::generate());

    let event = log.append(one, chunk("mine")).await.unwrap();

    assert_eq!(whole(log, one, 0).await, [event]);
    assert_eq!(whole(log, other, 0).await, []);
}

pub async fn a_reader_waits_for_the_next_event(log: &dyn TurnLog) {
    let id = ConversationId::generate();
    let first = log.append(id, chunk("a")).await.unwrap();

    let early = timeout(Duration::from_millis(50), log.wait(id, first.seq)).await;
    let (waited, second) = tokio::join!(log.wait(id, first.seq), log.append(id, chunk("b")));

    assert!(early.is_err(), "there is nothing new yet");
    waited.unwrap();
    assert_eq!(whole(log, id, first.seq).await, [second.unwrap()]);
}

pub async fn appends_at_once_get_a_number_each(log: &dyn TurnLog) {
    let id = ConversationId::generate();

    let events = join_all((0..100).map(|_| log.append(id, chunk("x")))).await;

    let numbers: HashSet<u64> = events.into_iter().map(|event| event.unwrap().seq).collect();
    assert_eq!(numbers.len(), 100);
    let mut read: Vec<u64> = whole(log, id, 0).await.iter().map(|event| event.seq).collect();
    assert_eq!(read.len(), 100);
    assert!(read.is_sorted(), "{read:?}");
    read.retain(|seq| !numbers.contains(seq));
    assert_eq!(read, Vec::<u64>::new());
}

pub async fn a_number_from_elsewhere_is_refused(log: &dyn TurnLog) {
    let id = ConversationId::generate();

    assert_eq!(log.read(id, 17).await.unwrap(), Replay::Gone { latest: 0 });
    let event = log.append(id, chunk("a")).await.unwrap();

    let gone = Replay::Gone { latest: event.seq };
    assert_eq!(log.read(id, event.seq + 1).await.unwrap(), gone);
}

pub async fn a_replay_with_a_hole_is_refused(log: &dyn TurnLog) {
    let id = ConversationId::generate();
    let first = log.append(id, chunk("first")).await.unwrap();
    let last = append_many(log, id, MORE_THAN_IS_KEPT).await;

    let gone = Replay::Gone { latest: last.seq };
    assert_eq!(log.read(id, first.seq).await.unwrap(), gone);
    assert_eq!(log.read(id, 0).await.unwrap(), gone);
    assert_eq!(whole(log, id, last.seq).await, []);
}

pub async fn a_turn_that_runs_is_kept_whole(log: &dyn TurnLog) {
    let id = ConversationId::generate();
    let accepted = log.append(id, accepted(TurnId::generate())).await.unwrap();

    append_many(log, id, MORE_THAN_IS_KEPT).await;

    let replay = whole(log, id, accepted.seq).await;
    assert_eq!(replay.len(), MORE_THAN_IS_KEPT);
}

pub async fn a_checkpoint_lies_before_the_turn_that_runs(log: &dyn TurnLog) {
    let id = ConversationId::generate();
    let turn_id = TurnId::generate();
    let title = log.append(id, EventBody::ConversationUpdated(ConversationChange::Deleted)).await;
    let before = log.checkpoint(id).await.unwrap();

    let question = log.append(id, accepted(turn_id)).await.unwrap();
    let newest = log.append(id, chunk("a")).await.unwrap();
    let during = log.checkpoint(id).await.unwrap();
    let replay = whole(log, id, during.seq).await;
    let end = log.append(id, usage(turn_id)).await.unwrap();
    let after = log.checkpoint(id).await.unwrap();

    assert_eq!(before, at_rest(title.unwrap().seq));
    assert_eq!((during.running_turn, during.latest), (Some(turn_id), newest.seq));
    assert_eq!(replay.first(), Some(&question));
    assert_eq!(after, at_rest(end.seq));
}

fn at_rest(seq: u64) -> Checkpoint {
    Checkpoint { seq, latest: seq, running_turn: None }
}

async fn whole(log: &dyn TurnLog, id: ConversationId, after: u64) -> Vec<Arc<Event>> {
    match log.read(id, after).await.unwrap() {
        Replay::Whole(events) => events,
        gone @ Replay::Gone { .. } => panic!("not whole: {gone:?}"),
    }
}

async fn append_many(log: &dyn TurnLog, id: ConversationId, count: usize) -> Arc<Event> {
    for _ in 1..count {
        log.append(id, chunk("x")).await.unwrap();
    }
    log.append(id, chunk("last")).await.unwrap()
}

fn chunk(text: &str) -> EventBody {
    EventBody::ResponseChunk(ResponseChunk { chunk: text.to_owned(), turn_id: TurnId::generate() })
}

fn accepted(turn_id: TurnId) -> EventBody {
    EventBody::MessageAccepted(MessageAccepted {
        message_id: MessageId::generate(),
        position: 1,
        turn_id,
        client_message_id: None,
        answer_id: MessageId::generate(),
        content: "why?".to_owned(),
        token_count: 2,
        created_at: moment(0),
    })
}

fn usage(turn_id: TurnId) -> EventBody {
    let ledger = Ledger { window: 9, reserved: 2, history: 3, total: 5, left_out_messages: 0 };
    EventBody::TokenUsage(TokenUsage { turn_id, total_tokens_used: 5, ledger })
}
