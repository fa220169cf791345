//! Contract tests of claiming the turns of instances that are presumed dead.
#![expect(missing_docs, reason = "the test names describe the contract")]

use futures_util::future::join_all;
use webchat_domain::{MessageStatus, TurnId, UserId};

use super::harness::{
    CLAIM_MILLIS, Store, TURN_LEASE_MILLIS, append, claim, create_conversation, texts, turn_append,
};
use crate::testing::fixtures::{final_state, moment, unwrap_stored};
use crate::{AnswerUpdate, AppendOutcome, ClaimScope};

pub async fn an_expired_turn_is_claimed_once_with_its_saved_answer(store: &Store) {
    let user_id = UserId::generate();
    let (id, other) =
        (create_conversation(store, user_id).await, create_conversation(store, user_id).await);
    let (turn_id, renewed) = (TurnId::generate(), TurnId::generate());
    let answer =
        unwrap_stored(append(store, user_id, id, turn_append(turn_id, "why?")).await).1.remove(1);
    let progress = AnswerUpdate {
        status: MessageStatus::Interrupted,
        lease_until: Some(moment(TURN_LEASE_MILLIS)),
        ..final_state(&answer, "so far")
    };
    store.save_answer(id, progress, moment(1)).await.unwrap();
    let leased = unwrap_stored(append(store, user_id, other, turn_append(renewed, "why?")).await)
        .1
        .remove(1);
    let progress =
        AnswerUpdate { lease_until: Some(moment(60_000)), ..final_state(&leased, "more") };
    store.save_answer(other, progress, moment(1)).await.unwrap();

    let early = claim(store, TURN_LEASE_MILLIS - 1).await;
    let claimed = join_all((0..8).map(|_| claim(store, TURN_LEASE_MILLIS))).await.concat();

    assert_eq!(early, []);
    let [expired] = claimed.as_slice() else { panic!("expected one turn: {claimed:?}") };
    assert_eq!((expired.user_id, expired.conversation_id, expired.turn_id), (user_id, id, turn_id));
    let saved = expired.answer.as_ref().unwrap();
    assert_eq!((saved.message_id, saved.position), (answer.message_id, answer.position));
    assert_eq!((saved.content.as_str(), saved.token_count), ("so far", 3));
    assert_eq!(saved.status, MessageStatus::Interrupted);
}

pub async fn a_claimed_turn_expires_again_or_is_ended(store: &Store) {
    let user_id = UserId::generate();
    let id = create_conversation(store, user_id).await;
    let turn_id = TurnId::generate();
    append(store, user_id, id, turn_append(turn_id, "one")).await;
    let until = TURN_LEASE_MILLIS + CLAIM_MILLIS;

    assert_eq!(claim(store, TURN_LEASE_MILLIS).await.len(), 1);
    let next = turn_append(TurnId::generate(), "two");
    let meanwhile =
        store.append(user_id, id, next.clone(), moment(TURN_LEASE_MILLIS + 1)).await.unwrap();
    assert_eq!(meanwhile, AppendOutcome::TurnInProgress);
    assert_eq!(claim(store, until - 1).await, []);
    assert_eq!(claim(store, until).await.len(), 1, "the expired claim was not replaced");

    assert!(!store.end_turn(id, TurnId::generate()).await.unwrap(), "another turn was ended");
    assert!(store.end_turn(id, turn_id).await.unwrap());
    assert!(!store.end_turn(id, turn_id).await.unwrap());
    assert_eq!(claim(store, until + CLAIM_MILLIS).await, []);
    unwrap_stored(store.append(user_id, id, next, moment(TURN_LEASE_MILLIS + 1)).await.unwrap());
    assert_eq!(texts(store, user_id, id).await, ["one", "", "two", ""]);
}

pub async fn expired_turns_are_claimed_up_to_the_limit_earliest_first(store: &Store) {
    let user_id = UserId::generate();
    let mut started = Vec::new();
    for expires_at in [3_000, 1_000, 2_000] {
        let id = create_conversation(store, user_id).await;
        let mut turn = turn_append(TurnId::generate(), "why?");
        turn.turn.as_mut().unwrap().lease_until = moment(expires_at);
        append(store, user_id, id, turn).await;
        started.push(id);
    }

    let claimed = async || {
        let claimed = store
            .claim_expired_turns(ClaimScope::ALL, moment(5_000), moment(0), moment(9_000), 2)
            .await
            .unwrap();
        claimed.into_iter().map(|turn| turn.conversation_id).collect::<Vec<_>>()
    };
    assert_eq!(claimed().await, [started[1], started[2]]);
    assert_eq!(claimed().await, [started[0]]);
    assert_eq!(claimed().await, []);
}

pub async fn an_ended_turn_is_claimed_if_its_end_is_not_published(store: &Store) {
    let user_id = UserId::generate();
    let (id, turn_id) = (create_conversation(store, user_id).await, TurnId::generate());
    let answer =
        unwrap_stored(append(store, user_id, id, turn_append(turn_id, "why?")).await).1.remove(1);
    let other_id = create_conversation(store, user_id).await;
    let other = TurnId::generate();
    let answered =
        unwrap_stored(append(store, user_id, other_id, turn_append(other, "why?")).await)
            .1
            .remove(1);

    assert!(store.save_answer(other_id, final_state(&answered, "done"), moment(1)).await.unwrap());
    assert!(store.end_turn(other_id, other).await.unwrap());
    assert!(store.save_answer(id, final_state(&answer, "done"), moment(1)).await.unwrap());
    let alive = store.save_answer(id, final_state(&answer, "done"), moment(100)).await.unwrap();
    let early = claim(store, 99 + TURN_LEASE_MILLIS).await;
    let claimed = claim(store, 100 + TURN_LEASE_MILLIS).await;
    let ended = store.end_turn(id, turn_id).await.unwrap();

    assert!(alive && ended);
    assert_eq!(early, []);
    let [pending] = claimed.as_slice() else { panic!("expected one turn: {claimed:?}") };
    assert_eq!((pending.conversation_id, pending.turn_id), (id, turn_id));
    let saved = pending.answer.as_ref().unwrap();
    assert_eq!((saved.content.as_str(), saved.status), ("done", MessageStatus::Complete));
    assert_eq!(claim(store, 10 * TURN_LEASE_MILLIS).await, []);
}

pub async fn only_turns_in_the_scope_are_claimed(store: &Store) {
    let user_id = UserId::generate();
    let turns @ [live, dead, other] = [(); 3].map(|()| TurnId::generate());
    for turn_id in turns {
        let id = create_conversation(store, user_id).await;
        append(store, user_id, id, turn_append(turn_id, "why?")).await;
    }

    let (now, until) = (moment(TURN_LEASE_MILLIS), moment(TURN_LEASE_MILLIS + CLAIM_MILLIS));
    let claim_in = async |scope| {
        let claimed = store.claim_expired_turns(scope, now, moment(0), until, 10).await.unwrap();
        claimed.into_iter().map(|turn| turn.turn_id).collect::<Vec<_>>()
    };
    let without_turns = claim_in(ClaimScope::Only(Vec::new())).await;
    let of_dead = claim_in(ClaimScope::Only(vec![dead])).await;
    let of_others = claim_in(ClaimScope::AllExcept(vec![live])).await;

    assert_eq!((without_turns, of_dead, of_others), (vec![], vec![dead], vec![other]));
    assert_eq!(claim_in(ClaimScope::ALL).await, [live]);
}
