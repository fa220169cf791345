//! Contract tests of turns and their leases.
#![expect(missing_docs, reason = "the test names describe the contract")]

use futures_util::future::join_all;
use webchat_domain::{MessageStatus, TurnId, UserId};

use super::harness::{
    Store, TURN_LEASE_MILLIS, append, claim, create_conversation, texts, turn_append,
};
use crate::testing::fixtures::{contents, final_state, moment, reasoning, unwrap_stored};
use crate::{AnswerUpdate, AppendOutcome};

pub async fn one_turn_runs_at_a_time(store: &Store) {
    let user_id = UserId::generate();
    let id = create_conversation(store, user_id).await;
    let first = TurnId::generate();
    let answer =
        unwrap_stored(append(store, user_id, id, turn_append(first, "one")).await).1.remove(1);

    let second = append(store, user_id, id, turn_append(TurnId::generate(), "two")).await;
    store.save_answer(id, final_state(&answer, "done"), moment(1)).await.unwrap();
    let third = append(store, user_id, id, turn_append(TurnId::generate(), "three")).await;

    assert_eq!(second, AppendOutcome::TurnInProgress);
    assert!(matches!(third, AppendOutcome::Stored { .. }), "{third:?}");
    assert_eq!(texts(store, user_id, id).await, ["one", "done", "three", ""]);
}

pub async fn only_one_of_several_concurrent_turns_starts(store: &Store) {
    let user_id = UserId::generate();
    let id = create_conversation(store, user_id).await;

    let turns =
        (0..10).map(|_| append(store, user_id, id, turn_append(TurnId::generate(), "why?")));
    let outcomes = join_all(turns).await;

    let stored = outcomes.iter().filter(|outcome| matches!(outcome, AppendOutcome::Stored { .. }));
    let rejected = outcomes.iter().filter(|outcome| **outcome == AppendOutcome::TurnInProgress);
    assert_eq!((stored.count(), rejected.count()), (1, 9));
    assert_eq!(texts(store, user_id, id).await, ["why?", ""]);
}

pub async fn an_answer_is_not_saved_for_another_turn(store: &Store) {
    let user_id = UserId::generate();
    let id = create_conversation(store, user_id).await;
    let answer =
        unwrap_stored(append(store, user_id, id, turn_append(TurnId::generate(), "why?")).await)
            .1
            .remove(1);
    let before = store.find(user_id, id).await.unwrap();

    let of_other_turn =
        AnswerUpdate { turn_id: TurnId::generate(), ..final_state(&answer, "Because.") };
    let is_saved = store.save_answer(id, of_other_turn, moment(1)).await.unwrap();

    assert!(!is_saved);
    assert_eq!(texts(store, user_id, id).await, ["why?", ""]);
    assert_eq!(store.find(user_id, id).await.unwrap(), before);
}

pub async fn an_expired_turn_does_not_block_the_next_one(store: &Store) {
    let user_id = UserId::generate();
    let id = create_conversation(store, user_id).await;
    append(store, user_id, id, turn_append(TurnId::generate(), "one")).await;

    let after_its_lease = moment(TURN_LEASE_MILLIS);
    let next = turn_append(TurnId::generate(), "two");
    let outcome = store.append(user_id, id, next, after_its_lease).await.unwrap();

    assert!(matches!(outcome, AppendOutcome::Stored { .. }), "{outcome:?}");
}

pub async fn an_ended_turn_does_not_block_the_next_one(store: &Store) {
    let user_id = UserId::generate();
    let (id, turn_id) = (create_conversation(store, user_id).await, TurnId::generate());
    let answer =
        unwrap_stored(append(store, user_id, id, turn_append(turn_id, "one")).await).1.remove(1);
    store.save_answer(id, final_state(&answer, "done"), moment(1)).await.unwrap();

    let next = turn_append(TurnId::generate(), "two");
    unwrap_stored(store.append(user_id, id, next, moment(2)).await.unwrap());

    assert!(!store.end_turn(id, turn_id).await.unwrap(), "the previous turn was not forgotten");
    assert!(!store.save_answer(id, final_state(&answer, "late"), moment(3)).await.unwrap());
    assert_eq!(claim(store, TURN_LEASE_MILLIS - 1).await, []);
    assert_eq!(texts(store, user_id, id).await, ["one", "done", "two", ""]);
}

pub async fn the_running_turn_is_returned_until_it_ends_or_expires(store: &Store) {
    let user_id = UserId::generate();
    let id = create_conversation(store, user_id).await;
    let running_turn = async |who, now| store.running_turn(who, id, moment(now)).await.unwrap();
    let turn_id = TurnId::generate();

    let before = running_turn(user_id, 0).await;
    let answer =
        unwrap_stored(append(store, user_id, id, turn_append(turn_id, "why?")).await).1.remove(1);
    let during = running_turn(user_id, TURN_LEASE_MILLIS - 1).await;
    let to_others = running_turn(UserId::generate(), 0).await;
    let expired = running_turn(user_id, TURN_LEASE_MILLIS).await;
    store.save_answer(id, final_state(&answer, "Because."), moment(1)).await.unwrap();
    let afterwards = running_turn(user_id, 1).await;

    assert_eq!((before, during), (None, Some(turn_id)));
    assert_eq!((to_others, expired, afterwards), (None, None, None));
}

pub async fn an_answer_can_be_saved_until_its_turn_ends(store: &Store) {
    let user_id = UserId::generate();
    let id = create_conversation(store, user_id).await;
    let answer =
        unwrap_stored(append(store, user_id, id, turn_append(TurnId::generate(), "why?")).await)
            .1
            .remove(1);

    let partial = AnswerUpdate {
        reasoning: Some(reasoning("A qu")),
        lease_until: Some(moment(9)),
        ..final_state(&answer, "Bec")
    };
    let end = AnswerUpdate {
        reasoning: Some(reasoning("A question \0.")),
        ..final_state(&answer, "Because.")
    };
    assert!(store.save_answer(id, partial.clone(), moment(1)).await.unwrap());
    assert_eq!(texts(store, user_id, id).await, ["why?", "Bec"]);
    let messages = store.messages(user_id, id, None, 10).await.unwrap().unwrap();
    assert_eq!(messages[1].reasoning, Some(reasoning("A qu")));
    assert!(store.save_answer(id, end, moment(2)).await.unwrap());
    assert!(
        !store.save_answer(id, partial, moment(3)).await.unwrap(),
        "progress was saved after the end"
    );

    let messages = store.messages(user_id, id, None, 10).await.unwrap().unwrap();
    assert_eq!(contents(&messages), ["why?", "Because."]);
    assert_eq!((messages[1].status, messages[1].token_count), (MessageStatus::Complete, 3));
    assert_eq!(messages[1].reasoning, Some(reasoning("A question \0.")));
    let conversation = store.find(user_id, id).await.unwrap().unwrap();
    assert_eq!((conversation.total_tokens, conversation.updated_at), (10, moment(2)));
}
