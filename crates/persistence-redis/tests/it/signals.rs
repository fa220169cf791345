//! Tests of signals between instances, and of messages that are not signals.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tokio::time::timeout;
use webchat_domain::{ConversationId, UserId};
use webchat_persistence::{Signal, Signals};

use crate::redis_server::{Raw, RedisServer, open_shared};

const SOON: Duration = Duration::from_secs(15);

fn signal() -> Signal {
    Signal::ListChanged {
        user_id: UserId::generate(),
        conversation_id: Some(ConversationId::generate()),
    }
}

async fn next(received: &mut BoxStream<'static, Signal>) -> Signal {
    timeout(SOON, received.next()).await.expect("no signal was received in time").unwrap()
}

#[tokio::test]
async fn a_signal_reaches_the_other_instance() {
    let (store, _) = open_shared().await;
    let (one, other) = (store.signals(), store.signals());
    let mut received = other.subscribe().await.unwrap();
    let sent = signal();

    one.publish(sent.clone()).await.unwrap();

    assert_eq!(next(&mut received).await, sent);
}

#[tokio::test]
async fn messages_that_are_not_signals_are_ignored() {
    let (store, prefix) = open_shared().await;
    let signals = store.signals();
    let mut received = signals.subscribe().await.unwrap();
    let mut raw = Raw::shared().await;
    let id = ConversationId::generate();
    let sent = signal();

    for invalid in [
        String::new(),
        "null".to_owned(),
        r#"{"signal":"dance"}"#.to_owned(),
        format!(r#"{{"signal":"list_changed","conversation_id":"{id}"}}"#),
        format!(r#"{{"signal":"list_changed","user_id":{{"$gt":""}},"conversation_id":"{id}"}}"#),
        format!(r#"{{"signal":"list_changed","user_id":"{id}","conversation_id":"{id}","x":1}}"#),
    ] {
        let receivers: u32 = raw.run(&format!("PUBLISH {prefix}signals {invalid}")).await;
        assert_eq!(receivers, 1);
    }
    signals.publish(sent.clone()).await.unwrap();

    assert_eq!(next(&mut received).await, sent);
}

#[tokio::test]
async fn signals_are_received_again_after_a_restart_of_redis() {
    let mut server = RedisServer::start("").await;
    let store = server.open().await;
    let (one, other) = (store.signals(), store.signals());
    let mut received = other.subscribe().await.unwrap();
    let (unsent, sent) = (signal(), signal());

    server.kill();
    let failed = one.publish(unsent).await;
    server.restart().await;
    server.wait_until_ready().await;
    let reconnected = async {
        loop {
            // The subscription recovers in the background, so publish until the signal arrives.
            one.publish(sent.clone()).await.unwrap();
            if let Ok(signal) = timeout(Duration::from_millis(50), received.next()).await {
                return signal.unwrap();
            }
        }
    };

    failed.unwrap_err();
    assert_eq!(timeout(SOON, reconnected).await.expect("no signal was received in time"), sent);
}
