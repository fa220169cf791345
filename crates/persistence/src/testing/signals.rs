//! Contract tests of [`Signals`].
#![expect(missing_docs, reason = "the test names describe the contract")]

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tokio::time::timeout;
use webchat_domain::{ConversationId, InstanceId, TurnId, UserId};

use crate::{Heartbeat, Signal, Signals};

const TIMEOUT: Duration = Duration::from_secs(10);

/// More signals than any subscriber's queue holds.
const MORE_THAN_CAPACITY: usize = 3_000;

pub async fn all_subscribers_receive_every_signal_in_order(signals: &dyn Signals) {
    let mut one = signals.subscribe().await.unwrap();
    let mut other = signals.subscribe().await.unwrap();
    let sent = [stop(), list_changed(), sessions_ended(), heartbeat()];

    for signal in sent.clone() {
        signals.publish(signal).await.unwrap();
    }

    for subscriber in [&mut one, &mut other] {
        for signal in &sent {
            assert_eq!(next(subscriber).await, *signal);
        }
    }
}

pub async fn a_subscriber_receives_no_earlier_signals(signals: &dyn Signals) {
    let mut early = signals.subscribe().await.unwrap();
    let (before, after) = (stop(), list_changed());
    signals.publish(before.clone()).await.unwrap();
    assert_eq!(next(&mut early).await, before);

    let mut late = signals.subscribe().await.unwrap();
    signals.publish(after.clone()).await.unwrap();

    assert_eq!(next(&mut late).await, after);
}

pub async fn a_dropped_and_a_slow_subscriber_do_not_block_others(signals: &dyn Signals) {
    drop(signals.subscribe().await.unwrap());
    let mut slow = signals.subscribe().await.unwrap();
    let mut fast = signals.subscribe().await.unwrap();
    let last = stop();

    for _ in 0..MORE_THAN_CAPACITY {
        let signal = list_changed();
        signals.publish(signal.clone()).await.unwrap();
        assert_eq!(next(&mut fast).await, signal);
    }
    signals.publish(last.clone()).await.unwrap();

    assert_eq!(next(&mut fast).await, last);
    let receive_last = async { while slow.next().await.as_ref() != Some(&last) {} };
    timeout(TIMEOUT, receive_last).await.expect("the last signal was not received in time");
}

async fn next(subscriber: &mut BoxStream<'static, Signal>) -> Signal {
    timeout(TIMEOUT, subscriber.next())
        .await
        .expect("no signal was received in time")
        .expect("the stream ended")
}

fn stop() -> Signal {
    Signal::Stop {
        user_id: UserId::generate(),
        conversation_id: ConversationId::generate(),
        turn_id: TurnId::generate(),
    }
}

fn list_changed() -> Signal {
    Signal::ListChanged {
        user_id: UserId::generate(),
        conversation_id: Some(ConversationId::generate()),
    }
}

fn sessions_ended() -> Signal {
    Signal::SessionsEnded { user_id: UserId::generate() }
}

fn heartbeat() -> Signal {
    Signal::Heartbeat(Heartbeat {
        instance_id: InstanceId::generate(),
        turn_ids: vec![TurnId::generate(), TurnId::generate()],
    })
}
