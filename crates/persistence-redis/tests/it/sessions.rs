//! Tests of the stored sessions.

use std::time::Duration;

use webchat_domain::{
    ConversationId, ProviderSession, Session, SessionId, SignIn, Timestamp, UserId,
};
use webchat_persistence::Sessions;

use crate::redis_server::{Raw, open_shared};

const NOW: Timestamp = Timestamp::from_unix_millis(1_767_323_045_000);

#[tokio::test]
async fn each_save_sets_the_ttl_to_a_minute_after_expiry() {
    let (store, prefix) = open_shared().await;
    let mut raw = Raw::shared().await;
    let session = session();
    let key = format!("{prefix}session:{}", session.session_id.to_simple());

    for (minutes, saved_at) in [(10, NOW), (10, NOW.plus(Duration::from_mins(5)))] {
        let expires_at = saved_at.plus(Duration::from_mins(minutes));
        store.save(&session, saved_at, expires_at).await.unwrap();

        let left: i64 = raw.run(&format!("PTTL {key}")).await;
        assert!((630_000..=660_000).contains(&left), "{left}");
    }
}

#[tokio::test]
async fn an_extension_sets_the_ttl_to_a_minute_after_the_new_expiry() {
    let (store, prefix) = open_shared().await;
    let mut raw = Raw::shared().await;
    let session = session();
    let key = format!("{prefix}session:{}", session.session_id.to_simple());
    store.save(&session, NOW, NOW.plus(Duration::from_mins(10))).await.unwrap();

    let later = NOW.plus(Duration::from_mins(5));
    let expires_at = later.plus(Duration::from_mins(10));
    store.extend(session.session_id, later, expires_at, Duration::from_mins(1)).await.unwrap();

    let left: i64 = raw.run(&format!("PTTL {key}")).await;
    assert!((630_000..=660_000).contains(&left), "{left}");
}

#[tokio::test]
async fn an_invalid_session_is_treated_as_missing() {
    let (store, prefix) = open_shared().await;
    let mut raw = Raw::shared().await;
    let session = session();
    let key = format!("{prefix}session:{}", session.session_id.to_simple());
    let later = NOW.plus(Duration::from_mins(1));
    store.save(&session, NOW, later).await.unwrap();
    let valid: String = raw.run(&format!("GET {key}")).await;

    for entry in [
        "{}".to_owned(),
        "not-json".to_owned(),
        valid.replace("user_id", "user"),
        valid.replace('}', r#","admin":true}"#),
        valid.replace(&session.user_id.to_string(), "root"),
        valid.replace("2026", "soon"),
    ] {
        assert_ne!(entry, valid);
        let _: String = raw.run(&format!("SET {key} {entry}")).await;
        assert_eq!(store.find(session.session_id, NOW).await.unwrap(), None, "{entry}");
    }
    let _: String = raw.run(&format!("SET {key} {valid}")).await;
    assert_eq!(store.find(session.session_id, NOW).await.unwrap().as_ref(), Some(&session));
}

#[tokio::test]
async fn the_indexes_of_sessions_that_have_ended_stay_small_and_expire() {
    let (store, prefix) = open_shared().await;
    let mut raw = Raw::shared().await;
    let provider = ProviderSession {
        provider: "sso".to_owned(),
        issuer: "https://login.example".to_owned(),
        session_id: Some("a".to_owned()),
    };
    let user_id = UserId::generate();
    let new_session = || Session {
        sign_in: Some(SignIn {
            at: NOW,
            device: String::new(),
            account_version: 0,
            provider: Some(provider.clone()),
        }),
        ..Session::anonymous(SessionId::generate(), user_id)
    };
    let expires_at = NOW.plus(Duration::from_mins(10));
    let first = new_session();
    store.start(&first, NOW, expires_at).await.unwrap();

    for _ in 0..500 {
        let session = new_session();
        store.start(&session, NOW, expires_at).await.unwrap();
        store.delete(session.session_id).await.unwrap();
    }
    let of_provider = async || {
        let (issuer, id) = (provider.issuer.clone(), "a".to_owned());
        store.list_of_provider(issuer, id, NOW).await.unwrap()
    };

    assert_eq!(of_provider().await, [first]);
    for index in ["user_sessions", "provider_sessions"] {
        let keys: Vec<String> = raw.run(&format!("KEYS {prefix}{index}:*")).await;
        let [key] = keys.as_slice() else { panic!("{keys:?}") };
        let length: usize = raw.run(&format!("SCARD {key}")).await;
        assert!(length <= 129, "{index}: {length}");
        let left: i64 = raw.run(&format!("PTTL {key}")).await;
        assert!((600_000..=660_000).contains(&left), "{index}: {left}");
    }
}

fn session() -> Session {
    Session {
        conversation_id: Some(ConversationId::generate()),
        ..Session::anonymous(SessionId::generate(), UserId::generate())
    }
}
