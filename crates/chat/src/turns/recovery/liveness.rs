//! Detects dead instances: each instance sends heartbeats with its turns, and receives those of all instances.
//!
//! Silence alone proves nothing, because the connection of the receiver may be lost. So an instance trusts it only
//! while it receives its own heartbeats, which take the same way.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use webchat_domain::{InstanceId, TurnId};
use webchat_persistence::Heartbeat;

use crate::turns::lease::LEASE;

/// The interval between heartbeats.
pub(crate) const HEARTBEAT_INTERVAL: Duration = Duration::from_millis(500);

/// An instance without a heartbeat for this long is dead. Three heartbeats in a row may be late.
const DEAD_AFTER: Duration = Duration::from_secs(2);

/// The maximum interval between two heartbeats of a working connection.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// A turn of a dead instance is claimed if its lease was not renewed for this long: longer than a live instance takes,
/// whose heartbeats may be lost.
pub(crate) const MAX_UNRENEWED: Duration = Duration::from_millis(2_400);

/// An instance whose heartbeats may be lost must confirm a lease that was not renewed for this long, before another
/// instance claims the turn.
const CONFIRM_AFTER: Duration = Duration::from_millis(2_200);

/// The heartbeats that this instance has received.
pub(crate) struct Liveness {
    pub(super) instance_id: InstanceId,
    started_at: Instant,
    received: Mutex<Received>,
    /// Changes when a heartbeat with turns is received.
    turns_announced: watch::Sender<()>,
}

struct Received {
    /// The last heartbeat of each instance.
    last: HashMap<InstanceId, ReceivedHeartbeat>,
    /// The time since which this instance receives its own heartbeats without a pause.
    uninterrupted_since: Instant,
}

struct ReceivedHeartbeat {
    turn_ids: Vec<TurnId>,
    at: Instant,
}

impl Liveness {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        Self {
            instance_id: InstanceId::generate(),
            started_at: now,
            received: Mutex::new(Received { last: HashMap::new(), uninterrupted_since: now }),
            turns_announced: watch::Sender::default(),
        }
    }

    /// Records a heartbeat of any instance.
    pub(crate) fn record(&self, heartbeat: Heartbeat) {
        let at = Instant::now();
        let Heartbeat { instance_id, turn_ids } = heartbeat;
        let mut received = self.lock();
        let last_own = received.last.get(&self.instance_id).map(|own| own.at);
        if instance_id == self.instance_id && last_own.is_none_or(|last| at - last > MAX_PAUSE) {
            received.uninterrupted_since = at;
        }
        received.last.retain(|_, last| at - last.at < LEASE);
        let has_turns = !turn_ids.is_empty();
        received.last.insert(instance_id, ReceivedHeartbeat { turn_ids, at });
        drop(received);
        if has_turns {
            self.turns_announced.send_replace(());
        }
    }

    /// Waits until a heartbeat is needed. `turn_ids` are the turns of this instance.
    pub(super) async fn wait_for_turns(&self, turn_ids: &[TurnId]) {
        let mut turns_announced = self.turns_announced.subscribe();
        if !self.is_needed(turn_ids) {
            turns_announced.changed().await.ok();
        }
    }

    /// Returns the turns that instances have announced which may be live.
    pub(crate) fn live_turns(&self) -> Vec<TurnId> {
        let (now, received) = (Instant::now(), self.lock());
        let live_for = if received.is_certain(self.instance_id, now) { DEAD_AFTER } else { LEASE };
        received.turns(|last| now - last.at < live_for).collect()
    }

    /// Returns the turns that only dead instances have announced. There are none if it is not certain which instances
    /// are dead.
    pub(crate) fn dead_turns(&self) -> Vec<TurnId> {
        let (now, received) = (Instant::now(), self.lock());
        if !received.is_certain(self.instance_id, now) {
            return Vec::new();
        }
        let is_live = |last: &ReceivedHeartbeat| now - last.at < DEAD_AFTER;
        let live: Vec<_> = received.turns(is_live).collect();
        received.turns(|last| !is_live(last)).filter(|turn_id| !live.contains(turn_id)).collect()
    }

    /// Returns whether no other instance can have claimed a turn of this instance, whose lease was renewed then: the
    /// renewal is recent, or all instances have received the heartbeats since.
    pub(crate) fn is_unclaimed(&self, last_renewal: Instant) -> bool {
        let now = Instant::now();
        if now - last_renewal < CONFIRM_AFTER {
            return true;
        }
        let since = self.lock().uninterrupted_since(self.instance_id, now);
        since.is_some_and(|since| since < last_renewal + CONFIRM_AFTER)
    }

    /// Returns whether a heartbeat is needed: turns may run on this instance or on another one. Otherwise the server
    /// stays idle.
    pub(super) fn is_needed(&self, turn_ids: &[TurnId]) -> bool {
        let (now, received) = (Instant::now(), self.lock());
        let is_recent = |last: &ReceivedHeartbeat| now - last.at < LEASE;
        !turn_ids.is_empty()
            || now - self.started_at < LEASE
            || received.turns(is_recent).next().is_some()
    }

    fn lock(&self) -> MutexGuard<'_, Received> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Received {
    /// Returns whether heartbeats are received without a pause for so long that a silent instance is dead.
    fn is_certain(&self, own_id: InstanceId, now: Instant) -> bool {
        self.uninterrupted_since(own_id, now).is_some_and(|since| now - since >= DEAD_AFTER)
    }

    /// Returns the time since which the own heartbeats are received without a pause.
    fn uninterrupted_since(&self, own_id: InstanceId, now: Instant) -> Option<Instant> {
        let own = self.last.get(&own_id)?;
        (now - own.at <= MAX_PAUSE).then_some(self.uninterrupted_since)
    }

    /// Returns the turns of the instances whose last heartbeat `is_selected`.
    fn turns(
        &self,
        is_selected: impl Fn(&ReceivedHeartbeat) -> bool,
    ) -> impl Iterator<Item = TurnId> {
        let selected = self.last.values().filter(move |last| is_selected(last));
        selected.flat_map(|last| last.turn_ids.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, pause};

    use super::*;

    /// An instance that receives heartbeats, and another one.
    struct Pair {
        liveness: Liveness,
        other: InstanceId,
        turn_id: TurnId,
    }

    impl Pair {
        fn start() -> Self {
            pause();
            Self {
                liveness: Liveness::new(),
                other: InstanceId::generate(),
                turn_id: TurnId::generate(),
            }
        }

        fn record_own(&self) {
            let instance_id = self.liveness.instance_id;
            self.liveness.record(Heartbeat { instance_id, turn_ids: Vec::new() });
        }

        fn record_other(&self) {
            let (instance_id, turn_ids) = (self.other, vec![self.turn_id]);
            self.liveness.record(Heartbeat { instance_id, turn_ids });
        }

        /// Receives heartbeats of both instances.
        async fn receive_both(&self, count: u32) {
            for _ in 0..count {
                self.record_other();
                self.receive_own(1).await;
            }
        }

        async fn receive_own(&self, count: u32) {
            for _ in 0..count {
                self.record_own();
                advance(HEARTBEAT_INTERVAL).await;
            }
        }

        /// Returns the live and the dead turns.
        fn turns(&self) -> (Vec<TurnId>, Vec<TurnId>) {
            (self.liveness.live_turns(), self.liveness.dead_turns())
        }

        fn live(&self) -> (Vec<TurnId>, Vec<TurnId>) {
            (vec![self.turn_id], Vec::new())
        }

        fn dead(&self) -> (Vec<TurnId>, Vec<TurnId>) {
            (Vec::new(), vec![self.turn_id])
        }
    }

    #[tokio::test]
    async fn a_silent_instance_is_dead_after_two_seconds() {
        let pair = Pair::start();
        pair.receive_both(10).await;

        pair.receive_own(2).await;
        assert_eq!(pair.turns(), pair.live());

        pair.receive_own(2).await;
        assert_eq!(pair.turns(), pair.dead());
    }

    #[tokio::test]
    async fn a_turn_that_a_live_instance_recovers_is_live() {
        let pair = Pair::start();
        pair.receive_both(10).await;
        pair.receive_own(4).await;

        let (instance_id, turn_ids) = (InstanceId::generate(), vec![pair.turn_id]);
        pair.liveness.record(Heartbeat { instance_id, turn_ids });

        assert_eq!(pair.turns(), pair.live());
    }

    #[tokio::test]
    async fn other_instances_are_live_while_the_own_heartbeats_are_lost() {
        let pair = Pair::start();
        pair.receive_both(10).await;

        advance(DEAD_AFTER * 2).await;
        assert_eq!(pair.turns(), pair.live());

        // The connection is restored, but the other instance may not have sent a heartbeat yet.
        pair.receive_own(3).await;
        assert_eq!(pair.turns(), pair.live());

        pair.receive_own(2).await;
        assert_eq!(pair.turns(), pair.dead());
    }

    #[tokio::test]
    async fn a_turn_is_unclaimed_until_the_own_heartbeats_are_interrupted() {
        let pair = Pair::start();
        pair.receive_own(10).await;
        let last_renewal = Instant::now();

        pair.receive_own(10).await;
        assert!(pair.liveness.is_unclaimed(last_renewal));

        advance(DEAD_AFTER).await;
        pair.record_own();
        assert!(!pair.liveness.is_unclaimed(last_renewal));
        assert!(pair.liveness.is_unclaimed(Instant::now()));
    }

    #[tokio::test]
    async fn instances_send_heartbeats_while_any_of_them_has_turns() {
        let pair = Pair::start();
        let is_needed = |turn_ids: &[TurnId]| pair.liveness.is_needed(turn_ids);
        assert!(is_needed(&[]), "another instance may have died before this one started");

        advance(LEASE).await;
        assert!(!is_needed(&[]));
        assert!(is_needed(&[pair.turn_id]));

        pair.record_other();
        assert!(is_needed(&[]));

        advance(LEASE).await;
        assert!(!is_needed(&[]));
    }
}
