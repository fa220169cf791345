//! What of a session stands in Redis.

use std::time::Duration;

use webchat_domain::{ConversationId, Session, SessionId, Timestamp, UserId};
use webchat_persistence::Sessions;

use crate::redis_server::{Raw, open_shared};

const NOW: Timestamp = Timestamp::from_unix_millis(1_767_323_045_000);

#[tokio::test]
async fn each_save_keeps_a_session_until_a_minute_after_its_end() {
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
async fn what_is_no_session_is_as_none_and_can_be_replaced() {
    let (store, prefix) = open_shared().await;
    let mut raw = Raw::shared().await;
    let session = session();
    let key = format!("{prefix}session:{}", session.session_id.to_simple());
    let later = NOW.plus(Duration::from_mins(1));
    store.save(&session, NOW, later).await.unwrap();
    let sound: String = raw.run(&format!("GET {key}")).await;

    for entry in [
        "{}".to_owned(),
        "not-json".to_owned(),
        sound.replace("user_id", "user"),
        sound.replace('}', r#","admin":true}"#),
        sound.replace(&session.user_id.to_string(), "root"),
        sound.replace("2026", "soon"),
    ] {
        assert_ne!(entry, sound);
        let _: String = raw.run(&format!("SET {key} {entry}")).await;
        assert_eq!(store.find(session.session_id, NOW).await.unwrap(), None, "{entry}");
    }
    let _: String = raw.run(&format!("SET {key} {sound}")).await;
    assert_eq!(store.find(session.session_id, NOW).await.unwrap().as_ref(), Some(&session));
}

fn session() -> Session {
    Session {
        session_id: SessionId::generate(),
        user_id: UserId::generate(),
        conversation_id: Some(ConversationId::generate()),
    }
}
