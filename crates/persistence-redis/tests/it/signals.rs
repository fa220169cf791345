//! Signals cross instances, and what is none of ours crosses nothing.

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

async fn next(heard: &mut BoxStream<'static, Signal>) -> Signal {
    timeout(SOON, heard.next()).await.expect("heard").unwrap()
}

#[tokio::test]
async fn what_one_instance_signals_the_other_hears() {
    let (store, _) = open_shared().await;
    let (one, other) = (store.signals(), store.signals());
    let mut heard = other.subscribe().await.unwrap();
    let sent = signal();

    one.publish(sent).await.unwrap();

    assert_eq!(next(&mut heard).await, sent);
}

#[tokio::test]
async fn what_is_no_signal_is_passed_over() {
    let (store, prefix) = open_shared().await;
    let signals = store.signals();
    let mut heard = signals.subscribe().await.unwrap();
    let mut raw = Raw::shared().await;
    let id = ConversationId::generate();
    let sent = signal();

    for nonsense in [
        String::new(),
        "null".to_owned(),
        r#"{"signal":"dance"}"#.to_owned(),
        format!(r#"{{"signal":"list_changed","conversation_id":"{id}"}}"#),
        format!(r#"{{"signal":"list_changed","user_id":{{"$gt":""}},"conversation_id":"{id}"}}"#),
        format!(r#"{{"signal":"list_changed","user_id":"{id}","conversation_id":"{id}","x":1}}"#),
    ] {
        let hearers: u32 = raw.run(&format!("PUBLISH {prefix}signals {nonsense}")).await;
        assert_eq!(hearers, 1);
    }
    signals.publish(sent).await.unwrap();

    assert_eq!(next(&mut heard).await, sent);
}

#[tokio::test]
async fn a_redis_that_goes_and_comes_back_is_heard_again() {
    let mut server = RedisServer::start("").await;
    let store = server.open().await;
    let (one, other) = (store.signals(), store.signals());
    let mut heard = other.subscribe().await.unwrap();
    let (unsent, sent) = (signal(), signal());

    server.kill();
    let refused = one.publish(unsent).await;
    server.start_again().await;
    server.is_ready().await;
    let hearing_again = async {
        loop {
            // A listener from before goes on listening; when it is reached again, nobody says.
            one.publish(sent).await.unwrap();
            if let Ok(heard) = timeout(Duration::from_millis(50), heard.next()).await {
                return heard.unwrap();
            }
        }
    };

    refused.unwrap_err();
    assert_eq!(timeout(SOON, hearing_again).await.expect("heard again"), sent);
}
