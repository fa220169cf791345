//! Contract tests of [`Sessions`].
#![expect(missing_docs, reason = "the test names describe the contract")]

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{sleep, timeout};
use webchat_domain::{ConversationId, ProviderSession, Session, SessionId, SignIn, UserId};

use super::fixtures::moment;
use crate::{Sessions, StoredSession};

/// The maximum time until an expired session is deleted.
const DELETION_TIMEOUT: Duration = Duration::from_secs(5);

pub async fn a_session_is_found_until_it_expires(store: &dyn Sessions) {
    let session = session(None);

    store.save(&session, moment(0), moment(100)).await.unwrap();

    let id = session.session_id;
    assert_eq!(store.find(id, moment(99)).await.unwrap(), Some(session));
    assert_eq!(store.find(id, moment(100)).await.unwrap(), None);
    assert_eq!(store.find(SessionId::generate(), moment(0)).await.unwrap(), None);
}

pub async fn saving_a_session_replaces_its_older_state(store: &dyn Sessions) {
    let older = session(None);
    let newer = Session { conversation_id: Some(ConversationId::generate()), ..older.clone() };

    store.save(&older, moment(0), moment(100)).await.unwrap();
    store.save(&newer, moment(50), moment(200)).await.unwrap();

    assert_eq!(store.find(older.session_id, moment(150)).await.unwrap(), Some(newer));
}

pub async fn starting_a_session_again_returns_the_stored_one_until_it_expires(
    store: &dyn Sessions,
) {
    let first = session(None);
    let second = Session { user_id: UserId::generate(), ..first.clone() };
    let later = Session { user_id: UserId::generate(), ..first.clone() };
    let current = Session { conversation_id: Some(ConversationId::generate()), ..first.clone() };

    let started = store.start(&first, moment(0), moment(100)).await.unwrap();
    store.save(&current, moment(1), moment(100)).await.unwrap();
    let existing = store.start(&second, moment(99), moment(200)).await.unwrap();
    let after_expiry = store.start(&later, moment(100), moment(200)).await.unwrap();

    assert_eq!(started, first);
    assert_eq!(existing, current);
    assert_eq!(after_expiry, later);
    assert_eq!(store.find(first.session_id, moment(150)).await.unwrap(), Some(later));
}

pub async fn concurrent_starts_of_a_session_return_the_same_user(store: &dyn Sessions) {
    let session = session(None);
    let others = [(); 8].map(|()| Session { user_id: UserId::generate(), ..session.clone() });

    let starts = others.iter().map(|other| store.start(other, moment(0), moment(100)));
    let started = join_all(starts).await;

    let stored = store.find(session.session_id, moment(1)).await.unwrap().unwrap();
    assert!(started.into_iter().all(|session| session.unwrap() == stored));
}

pub async fn a_session_is_extended_only_by_at_least_the_minimum_gain(store: &dyn Sessions) {
    let session = session(Some(ConversationId::generate()));
    let id = session.session_id;
    store.save(&session, moment(0), moment(100)).await.unwrap();

    store.extend(id, moment(0), moment(200), Duration::from_millis(101)).await.unwrap();
    let long_enough = store.find(id, moment(100)).await.unwrap();
    store.extend(id, moment(0), moment(200), Duration::from_millis(100)).await.unwrap();
    let extended = store.find(id, moment(199)).await.unwrap();
    let unknown = SessionId::generate();
    store.extend(unknown, moment(0), moment(200), Duration::from_millis(100)).await.unwrap();

    assert_eq!(long_enough, None);
    assert_eq!(extended, Some(session));
    assert_eq!(store.find(id, moment(200)).await.unwrap(), None);
    assert_eq!(store.find(unknown, moment(0)).await.unwrap(), None);
}

pub async fn a_deleted_session_is_not_found(store: &dyn Sessions) {
    let (ended, other) = (session(None), session(None));
    store.save(&ended, moment(0), moment(100)).await.unwrap();
    store.save(&other, moment(0), moment(100)).await.unwrap();

    store.delete(ended.session_id).await.unwrap();
    store.delete(ended.session_id).await.unwrap();

    assert_eq!(store.find(ended.session_id, moment(1)).await.unwrap(), None);
    assert_eq!(store.find(other.session_id, moment(1)).await.unwrap(), Some(other));
}

pub async fn saving_with_a_fast_clock_deletes_no_other_session(store: &dyn Sessions) {
    const DAY: i64 = 24 * 60 * 60 * 1_000;
    let (mine, other) = (session(None), session(None));
    store.save(&mine, moment(0), moment(365 * DAY)).await.unwrap();

    store.save(&other, moment(400 * DAY), moment(765 * DAY)).await.unwrap();

    assert_eq!(store.find(mine.session_id, moment(1)).await.unwrap(), Some(mine));
}

pub async fn only_sessions_that_expired_before_the_given_time_are_deleted(store: &dyn Sessions) {
    let [before, at, after] = [(); 3].map(|()| session(None));
    // Saved long after its expiry: a store that expires sessions itself deletes it almost immediately.
    store.save(&before, moment(600_000), moment(59_999)).await.unwrap();
    store.save(&at, moment(0), moment(60_000)).await.unwrap();
    store.save(&after, moment(0), moment(90_000)).await.unwrap();

    store.delete_expired(moment(60_000)).await.unwrap();

    // Only as of an earlier time can an expired session be found, if it is still stored.
    let deleted = async {
        while store.find(before.session_id, moment(1)).await.unwrap().is_some() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(DELETION_TIMEOUT, deleted).await.expect("the expired session should be deleted");
    assert_eq!(store.find(at.session_id, moment(1)).await.unwrap(), Some(at));
    assert_eq!(store.find(after.session_id, moment(1)).await.unwrap(), Some(after));
}

pub async fn a_deleted_session_is_not_replaced(store: &dyn Sessions) {
    let kept = session(None);
    let deleted = session(None);
    for session in [&kept, &deleted] {
        store.save(session, moment(0), moment(100)).await.unwrap();
    }
    let with_conversation =
        Session { conversation_id: Some(ConversationId::generate()), ..kept.clone() };

    store.delete(deleted.session_id).await.unwrap();
    let replaced = store.replace(&with_conversation, moment(1), moment(200)).await.unwrap();
    let replaced_deleted = store.replace(&deleted, moment(1), moment(200)).await.unwrap();
    let replaced_expired = store.replace(&kept, moment(200), moment(300)).await.unwrap();

    assert_eq!((replaced, replaced_deleted, replaced_expired), (true, false, false));
    let found = store.find(kept.session_id, moment(150)).await.unwrap();
    assert_eq!(found, Some(with_conversation));
    assert_eq!(store.find(deleted.session_id, moment(1)).await.unwrap(), None);
}

pub async fn the_sessions_in_which_a_user_is_signed_in_are_listed(store: &dyn Sessions) {
    let user_id = UserId::generate();
    let [first, second, expired] = [(); 3].map(|()| signed_in(user_id));
    let anonymous = Session { user_id, ..session(None) };
    for (session, expires_at) in [(&first, 100), (&second, 200), (&expired, 50), (&anonymous, 100)]
    {
        store.start(session, moment(0), moment(expires_at)).await.unwrap();
    }
    store.start(&signed_in(UserId::generate()), moment(0), moment(100)).await.unwrap();

    let mut listed = store.list_signed_in(user_id, moment(50)).await.unwrap();

    listed.sort_by_key(|stored| stored.expires_at);
    let stored = |session: &Session, expires_at| StoredSession {
        session: session.clone(),
        expires_at: moment(expires_at),
    };
    assert_eq!(listed, [stored(&first, 100), stored(&second, 200)]);
    assert_eq!(store.find(first.session_id, moment(50)).await.unwrap(), Some(first));
}

pub async fn all_sessions_of_a_user_but_one_are_deleted(store: &dyn Sessions) {
    let user_id = UserId::generate();
    let [kept, deleted] = [(); 2].map(|()| signed_in(user_id));
    let other = signed_in(UserId::generate());
    for session in [&kept, &deleted, &other] {
        store.start(session, moment(0), moment(100)).await.unwrap();
    }

    assert!(store.delete_signed_in(user_id, Some(kept.session_id)).await.unwrap());
    assert!(!store.delete_signed_in(user_id, Some(kept.session_id)).await.unwrap());
    let kept_first = store.find(kept.session_id, moment(1)).await.unwrap();
    let deleted = store.find(deleted.session_id, moment(1)).await.unwrap();
    assert!(store.delete_signed_in(user_id, None).await.unwrap());

    assert_eq!((kept_first.as_ref(), deleted), (Some(&kept), None));
    assert_eq!(store.find(kept.session_id, moment(1)).await.unwrap(), None);
    assert_eq!(store.find(other.session_id, moment(1)).await.unwrap(), Some(other));
}

pub async fn no_session_of_an_erased_user_is_left(store: &dyn Sessions) {
    let user_id = UserId::generate();
    let provider = ProviderSession {
        provider: "entra".to_owned(),
        issuer: "https://a.example".to_owned(),
        session_id: Some("1".to_owned()),
    };
    let mut of_provider = signed_in(user_id);
    of_provider.sign_in.as_mut().unwrap().provider = Some(provider);
    let [expired, other] = [signed_in(user_id), signed_in(UserId::generate())];
    for (session, expires_at) in [(&of_provider, 100), (&expired, 1), (&other, 100)] {
        store.start(session, moment(0), moment(expires_at)).await.unwrap();
    }

    for _ in 0..2 {
        store.erase(user_id).await.unwrap();
    }

    for erased in [of_provider, expired] {
        assert_eq!(store.find(erased.session_id, moment(0)).await.unwrap(), None);
    }
    assert_eq!(store.find(other.session_id, moment(1)).await.unwrap(), Some(other));
}

pub async fn the_sessions_of_a_providers_session_are_listed(store: &dyn Sessions) {
    let of_provider = |issuer: &str, session_id: Option<&str>| {
        let mut session = signed_in(UserId::generate());
        session.sign_in.as_mut().unwrap().provider = Some(ProviderSession {
            provider: "entra".to_owned(),
            issuer: issuer.to_owned(),
            session_id: session_id.map(ToOwned::to_owned),
        });
        session
    };
    let (a, b) = ("https://a.example", "https://b.example");
    let sessions = [
        of_provider(a, Some("1")),
        of_provider(a, Some("1")),
        of_provider(a, Some("2")),
        of_provider(a, None),
        of_provider(b, Some("1")),
        signed_in(UserId::generate()),
    ];
    for session in &sessions {
        store.save(session, moment(0), moment(100)).await.unwrap();
        assert_eq!(
            store.find(session.session_id, moment(1)).await.unwrap().as_ref(),
            Some(session)
        );
    }
    let listed = async |issuer: &str, session_id: &str, now| {
        let listed = store.list_of_provider(issuer.to_owned(), session_id.to_owned(), moment(now));
        let mut listed = listed.await.unwrap();
        listed.sort_by_key(|session| session.user_id);
        listed
    };

    assert_eq!(listed(a, "1", 99).await, sessions[..2]);
    assert_eq!(listed(b, "1", 99).await, sessions[4..5]);
    assert_eq!(listed(a, "1", 100).await, []);
    assert_eq!(listed(a, "3", 1).await, []);
    store.delete(sessions[0].session_id).await.unwrap();
    assert_eq!(listed(a, "1", 1).await, sessions[1..2]);
}

fn session(conversation_id: Option<ConversationId>) -> Session {
    Session { conversation_id, ..Session::anonymous(SessionId::generate(), UserId::generate()) }
}

fn signed_in(user_id: UserId) -> Session {
    let sign_in = SignIn {
        at: moment(3),
        device: "Firefox on Linux".to_owned(),
        account_version: 7,
        provider: None,
    };
    Session { user_id, sign_in: Some(sign_in), ..session(None) }
}
