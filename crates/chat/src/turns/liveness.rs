//! Detects dead instances: each instance sends heartbeats with its turns, and receives those of all instances.
//!
//! Silence alone proves nothing, because the connection of the receiver may be lost. So an instance trusts it only
//! while it receives its own heartbeats, which take the same way.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use webchat_domain::{InstanceId, Timestamp, TurnId};
use webchat_persistence::{Heartbeat, Signal};

use super::lease::LEASE;
use super::service::Turns;
use crate::runtime::error_chain::error_chain;

/// The interval between heartbeats.
pub(crate) const HEARTBEAT_INTERVAL: Duration = Duration::from_millis(500);

/// An instance without a heartbeat for this long is dead. Three heartbeats in a row may be late.
const DEAD_AFTER: Duration = Duration::from_secs(2);

/// The maximum interval between two heartbeats of a working connection.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// A turn whose lease was renewed less than this ago is not abandoned, even if no live instance has announced it: it
/// may have started since the last heartbeat of its instance.
pub(crate) const MAX_UNANNOUNCED: Duration = Duration::from_millis(1_500);

/// The heartbeats that this instance has received.
pub(crate) struct Liveness {
    instance_id: InstanceId,
    started_at: Instant,
    received: Mutex<Received>,
}

struct Received {
    /// The last heartbeat of each instance.
    last: HashMap<InstanceId, ReceivedHeartbeat>,
    /// The time since which this instance receives its own heartbeats without a pause.
    uninterrupted_since: Instant,
}

struct ReceivedHeartbeat {
    heartbeat: Heartbeat,
    at: Instant,
}

/// What is certain about the other instances.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LiveTurns {
    /// The turns of live instances.
    pub(crate) turn_ids: Vec<TurnId>,
    /// The current time by the slowest of the instances' clocks, if all instances that can be live are known.
    pub(crate) now: Option<Timestamp>,
}

impl Liveness {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        Self {
            instance_id: InstanceId::generate(),
            started_at: now,
            received: Mutex::new(Received { last: HashMap::new(), uninterrupted_since: now }),
        }
    }

    /// Records a heartbeat of any instance.
    pub(crate) fn record(&self, heartbeat: Heartbeat) {
        let at = Instant::now();
        let mut received = self.lock();
        let last_own = received.last.get(&self.instance_id).map(|own| own.at);
        if heartbeat.instance_id == self.instance_id
            && last_own.is_none_or(|last_own| at - last_own > MAX_PAUSE)
        {
            received.uninterrupted_since = at;
        }
        received.last.retain(|_, last| at - last.at < LEASE);
        received.last.insert(heartbeat.instance_id, ReceivedHeartbeat { heartbeat, at });
    }

    /// Returns the turns of live instances. If it is not certain which instances are dead, these are the turns of all
    /// instances that were live less than a lease ago.
    pub(crate) fn live_turns(&self) -> LiveTurns {
        let now = Instant::now();
        let received = self.lock();
        let is_certain = received.last.get(&self.instance_id).is_some_and(|own| {
            now - own.at <= MAX_PAUSE && now - received.uninterrupted_since >= DEAD_AFTER
        });
        let dead_after = if is_certain { DEAD_AFTER } else { LEASE };
        let live = received.last.values().filter(|last| now - last.at < dead_after);
        let clock = |last: &ReceivedHeartbeat| last.heartbeat.sent_at.plus(now - last.at);
        LiveTurns {
            turn_ids: live.flat_map(|last| last.heartbeat.turn_ids.iter().copied()).collect(),
            now: received.last.values().map(clock).min().filter(|_| is_certain),
        }
    }

    /// Returns whether all instances know that a turn of this instance is running, whose lease was renewed then.
    /// Otherwise another instance may have claimed it.
    pub(crate) fn is_known_since(&self, renewed_at: Instant) -> bool {
        let now = Instant::now();
        if now - renewed_at < MAX_UNANNOUNCED {
            return true;
        }
        let received = self.lock();
        received.last.get(&self.instance_id).is_some_and(|own| {
            now - own.at <= MAX_PAUSE && received.uninterrupted_since < renewed_at + MAX_UNANNOUNCED
        })
    }

    /// Returns whether a heartbeat is needed: turns may run on this instance or on another one. Otherwise the server
    /// stays idle.
    fn is_needed(&self, turn_ids: &[TurnId]) -> bool {
        let now = Instant::now();
        let received = self.lock();
        let mut last = received.last.values();
        let is_running_turns =
            |last: &ReceivedHeartbeat| now - last.at < LEASE && !last.heartbeat.turn_ids.is_empty();
        !turn_ids.is_empty() || now - self.started_at < LEASE || last.any(is_running_turns)
    }

    fn lock(&self) -> MutexGuard<'_, Received> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turns {
    /// Sends heartbeats until the future is dropped.
    pub(crate) async fn send_heartbeats(self) {
        let mut interval = tokio::time::interval(HEARTBEAT_INTERVAL);
        loop {
            interval.tick().await;
            let turn_ids = self.running.turn_ids();
            if self.liveness.is_needed(&turn_ids) {
                self.send_heartbeat(turn_ids).await;
            }
        }
    }

    async fn send_heartbeat(&self, turn_ids: Vec<TurnId>) {
        let (instance_id, sent_at) = (self.liveness.instance_id, self.core.now());
        let heartbeat = Signal::Heartbeat(Heartbeat { instance_id, sent_at, turn_ids });
        if let Err(error) = self.core.ports.signals.publish(heartbeat).await {
            // The loss of the connection is logged by its owner.
            tracing::debug!(error = error_chain(&error), "failed to publish heartbeat");
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, pause};

    use super::*;

    const START: Timestamp = Timestamp::from_unix_millis(1_000_000);

    /// An instance that receives heartbeats, and another one.
    struct Pair {
        liveness: Liveness,
        other: InstanceId,
        turn_id: TurnId,
        started_at: Instant,
    }

    impl Pair {
        fn start() -> Self {
            pause();
            Self {
                liveness: Liveness::new(),
                other: InstanceId::generate(),
                turn_id: TurnId::generate(),
                started_at: Instant::now(),
            }
        }

        fn clock(&self) -> Timestamp {
            START.plus(self.started_at.elapsed())
        }

        fn record_own(&self) {
            let (instance_id, sent_at) = (self.liveness.instance_id, self.clock());
            self.liveness.record(Heartbeat { instance_id, sent_at, turn_ids: Vec::new() });
        }

        fn record_other(&self, sent_at: Timestamp) {
            let (instance_id, turn_ids) = (self.other, vec![self.turn_id]);
            self.liveness.record(Heartbeat { instance_id, sent_at, turn_ids });
        }

        /// Receives heartbeats of both instances.
        async fn receive_both(&self, count: u32) {
            for _ in 0..count {
                self.record_other(self.clock());
                self.receive_own(1).await;
            }
        }

        async fn receive_own(&self, count: u32) {
            for _ in 0..count {
                self.record_own();
                advance(HEARTBEAT_INTERVAL).await;
            }
        }
    }

    #[tokio::test]
    async fn a_silent_instance_is_dead_after_two_seconds() {
        let pair = Pair::start();
        pair.receive_both(10).await;

        pair.receive_own(2).await;
        let live = pair.liveness.live_turns();
        assert_eq!((live.turn_ids, live.now), (vec![pair.turn_id], Some(pair.clock())));

        pair.receive_own(2).await;
        let live = pair.liveness.live_turns();
        assert_eq!((live.turn_ids, live.now), (Vec::new(), Some(pair.clock())));
    }

    #[tokio::test]
    async fn other_instances_are_live_while_the_own_heartbeats_are_lost() {
        let pair = Pair::start();
        pair.receive_both(10).await;

        advance(DEAD_AFTER * 2).await;
        let uncertain = LiveTurns { turn_ids: vec![pair.turn_id], now: None };
        assert_eq!(pair.liveness.live_turns(), uncertain);

        // The connection is restored, but the other instance may not have sent a heartbeat yet.
        pair.receive_own(3).await;
        assert_eq!(pair.liveness.live_turns(), uncertain);

        pair.receive_own(2).await;
        assert_eq!(pair.liveness.live_turns().turn_ids, []);
    }

    #[tokio::test]
    async fn nothing_is_certain_for_two_seconds_after_the_start() {
        let pair = Pair::start();

        pair.receive_own(3).await;
        assert_eq!(pair.liveness.live_turns().now, None);

        pair.receive_own(1).await;
        assert_eq!(pair.liveness.live_turns().now, Some(pair.clock()));
    }

    #[tokio::test]
    async fn the_slowest_clock_decides_what_was_saved_recently() {
        let pair = Pair::start();
        pair.receive_own(10).await;
        let slow = |pair: &Pair| pair.clock().minus(Duration::from_secs(30));

        pair.record_other(slow(&pair));
        pair.receive_own(1).await;

        assert_eq!(pair.liveness.live_turns().now, Some(slow(&pair)));
    }

    #[tokio::test]
    async fn a_turn_is_known_until_the_own_heartbeats_are_interrupted() {
        let pair = Pair::start();
        pair.receive_own(10).await;
        let renewed_at = Instant::now();

        pair.receive_own(10).await;
        assert!(pair.liveness.is_known_since(renewed_at));

        advance(DEAD_AFTER).await;
        pair.record_own();
        assert!(!pair.liveness.is_known_since(renewed_at));
        assert!(pair.liveness.is_known_since(Instant::now()));
    }

    #[tokio::test]
    async fn instances_send_heartbeats_while_any_of_them_has_turns() {
        let pair = Pair::start();
        let is_needed = |turn_ids: &[TurnId]| pair.liveness.is_needed(turn_ids);
        assert!(is_needed(&[]), "another instance may have died before this one started");

        advance(LEASE).await;
        assert!(!is_needed(&[]));
        assert!(is_needed(&[pair.turn_id]));

        pair.record_other(START);
        assert!(is_needed(&[]));

        advance(LEASE).await;
        assert!(!is_needed(&[]));
    }
}
