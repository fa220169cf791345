//! What [`Signals`] promises.
#![expect(missing_docs, reason = "the name is the promise")]

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tokio::time::timeout;
use webchat_domain::{ConversationId, TurnId, UserId};

use crate::{Signal, Signals};

const SOON: Duration = Duration::from_secs(10);

/// More than any listener may be behind.
const MANY: usize = 3_000;

pub async fn all_listeners_hear_every_signal_in_order(signals: &dyn Signals) {
    let mut one = signals.subscribe().await.unwrap();
    let mut other = signals.subscribe().await.unwrap();
    let sent = [stop(), list_changed(), stop()];

    for signal in sent {
        signals.publish(signal).await.unwrap();
    }

    for listener in [&mut one, &mut other] {
        assert_eq!([next(listener).await, next(listener).await, next(listener).await], sent);
    }
}

pub async fn a_listener_hears_nothing_of_what_was_before(signals: &dyn Signals) {
    let mut early = signals.subscribe().await.unwrap();
    let (before, after) = (stop(), list_changed());
    signals.publish(before).await.unwrap();
    assert_eq!(next(&mut early).await, before);

    let mut late = signals.subscribe().await.unwrap();
    signals.publish(after).await.unwrap();

    assert_eq!(next(&mut late).await, after);
}

pub async fn a_listener_that_left_and_one_that_sleeps_hold_nobody_up(signals: &dyn Signals) {
    drop(signals.subscribe().await.unwrap());
    let mut sleeping = signals.subscribe().await.unwrap();
    let mut awake = signals.subscribe().await.unwrap();
    let last = stop();

    for _ in 0..MANY {
        let signal = list_changed();
        signals.publish(signal).await.unwrap();
        assert_eq!(next(&mut awake).await, signal);
    }
    signals.publish(last).await.unwrap();

    assert_eq!(next(&mut awake).await, last);
    let hear_the_last = async { while sleeping.next().await != Some(last) {} };
    timeout(SOON, hear_the_last).await.expect("the newest are still heard");
}

async fn next(listener: &mut BoxStream<'static, Signal>) -> Signal {
    timeout(SOON, listener.next()).await.expect("heard").expect("the stream never ends")
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
