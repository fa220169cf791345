//! The turns that run in this process.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use webchat_domain::{Caller, ConversationId, Timestamp, TurnId, UserId};
use webchat_persistence::TurnLease;

use crate::error::ChatError;
use crate::runtime::limits::{CallerLimit, CallerPermit};
use crate::runtime::reached_limits::Limit;
use crate::settings::Settings;

/// The turns that run in this process, by conversation.
#[derive(Default)]
pub(crate) struct RunningTurns {
    turns: Mutex<HashMap<ConversationId, RunningTurn>>,
    /// Turns of dead instances whose ends this instance is publishing.
    recovering: Mutex<HashSet<TurnId>>,
    started: Notify,
    limit: CallerLimit,
}

struct RunningTurn {
    user_id: UserId,
    turn_id: TurnId,
    /// The expiry of the turn's lease as of its last renewal.
    lease_until: Timestamp,
    /// When the lease was last renewed, or a renewal last failed.
    last_renewal: Instant,
    stop: CancellationToken,
}

/// Tokens that cancel a turn.
#[derive(Clone)]
pub(crate) struct TurnCancellation {
    /// Cancelled when the user stops the turn.
    pub(crate) stop: CancellationToken,
    /// Cancelled when the grace period of a shutdown is over.
    pub(crate) abort: CancellationToken,
}

impl RunningTurns {
    /// Acquires a permit for one more turn of this caller.
    ///
    /// # Errors
    /// [`ChatError::TooManyUserTurns`], [`ChatError::TooManyNetworkTurns`] or [`ChatError::ServerBusy`] if
    /// the user, the network of the user's client, or this process has too many turns.
    pub(crate) fn acquire_permit(
        &self,
        caller: Caller,
        settings: &Settings,
    ) -> Result<CallerPermit, ChatError> {
        let Settings { turns_per_user, turns_per_network, max_turns, .. } = settings;
        let maxima = [
            (Limit::TurnsPerUser, maximum(*turns_per_user)),
            (Limit::TurnsPerNetwork, maximum(*turns_per_network)),
            (Limit::Turns, maximum(*max_turns)),
        ];
        self.limit.acquire(caller, maxima).map_err(|(limit, max)| match limit {
            Limit::TurnsPerUser => ChatError::TooManyUserTurns { limit: max },
            Limit::TurnsPerNetwork => ChatError::TooManyNetworkTurns { limit: max },
            _ => ChatError::ServerBusy,
        })
    }

    /// Registers a turn, so that it can be stopped.
    pub(crate) fn register(
        &self,
        user_id: UserId,
        id: ConversationId,
        lease: TurnLease,
        abort: CancellationToken,
    ) -> TurnCancellation {
        let TurnLease { turn_id, lease_until } = lease;
        let stop = CancellationToken::new();
        let last_renewal = Instant::now();
        let turn = RunningTurn { user_id, turn_id, lease_until, last_renewal, stop: stop.clone() };
        self.lock().insert(id, turn);
        self.started.notify_one();
        TurnCancellation { stop, abort }
    }

    /// Removes a turn. Keeps the conversation's next turn, which may already be registered.
    pub(crate) fn remove(&self, id: ConversationId, turn_id: TurnId) {
        let mut turns = self.lock();
        if turns.get(&id).is_some_and(|turn| turn.turn_id == turn_id) {
            turns.remove(&id);
        }
    }

    /// Waits until a turn starts.
    pub(crate) async fn turn_started(&self) {
        self.started.notified().await;
    }

    /// Records that the turn's lease was renewed at `last_renewal`.
    pub(crate) fn record_renewal(
        &self,
        id: ConversationId,
        lease: TurnLease,
        last_renewal: Instant,
    ) {
        self.with_turn(id, lease.turn_id, |turn| {
            (turn.lease_until, turn.last_renewal) = (lease.lease_until, last_renewal);
        });
    }

    /// Records that the turn's lease could not be renewed, so that the renewal is not retried with every chunk of the answer.
    pub(crate) fn record_failed_renewal(&self, id: ConversationId, turn_id: TurnId) {
        self.with_turn(id, turn_id, |turn| turn.last_renewal = Instant::now());
    }

    /// Returns when the lease of this turn was last renewed, or a renewal last failed. `None` if it is not the
    /// conversation's current turn.
    pub(crate) fn last_renewal(&self, id: ConversationId, turn_id: TurnId) -> Option<Instant> {
        self.with_turn(id, turn_id, |turn| turn.last_renewal)
    }

    /// Adds turns of dead instances whose ends this instance publishes.
    pub(crate) fn add_recovering(&self, turn_ids: impl Iterator<Item = TurnId>) {
        self.lock_recovering().extend(turn_ids);
    }

    /// Removes a turn of a dead instance.
    pub(crate) fn remove_recovering(&self, turn_id: TurnId) {
        self.lock_recovering().remove(&turn_id);
    }

    /// Returns the ids of all turns that this instance runs or recovers.
    pub(crate) fn turn_ids(&self) -> Vec<TurnId> {
        let mut turn_ids: Vec<_> = self.lock_recovering().iter().copied().collect();
        turn_ids.extend(self.lock().values().map(|turn| turn.turn_id));
        turn_ids
    }

    /// Returns `now`, or an earlier time at which the lease of the conversation's turn is still valid if the turn
    /// runs in this process. A turn must not lose its lease because the clock jumped forward.
    pub(crate) fn clamp_to_lease(&self, id: ConversationId, now: Timestamp) -> Timestamp {
        const ONE_MS: Duration = Duration::from_millis(1);
        let turns = self.lock();
        turns.get(&id).map_or(now, |turn| now.min(turn.lease_until.minus(ONE_MS)))
    }

    /// Stops the conversation's turn. Returns `false` if none runs in this process.
    pub(crate) fn stop(&self, id: ConversationId) -> bool {
        let turns = self.lock();
        let turn = turns.get(&id);
        turn.inspect(|turn| turn.stop.cancel()).is_some()
    }

    /// Stops this turn, if it runs in this process and belongs to the user.
    pub(crate) fn stop_turn(&self, user_id: UserId, id: ConversationId, turn_id: TurnId) {
        let turns = self.lock();
        let matches = |turn: &&RunningTurn| turn.user_id == user_id && turn.turn_id == turn_id;
        if let Some(turn) = turns.get(&id).filter(matches) {
            turn.stop.cancel();
        }
    }

    /// Calls `f` with this turn. Returns `None` if it is not the conversation's current turn.
    fn with_turn<T>(
        &self,
        id: ConversationId,
        turn_id: TurnId,
        f: impl FnOnce(&mut RunningTurn) -> T,
    ) -> Option<T> {
        self.lock().get_mut(&id).filter(|turn| turn.turn_id == turn_id).map(f)
    }

    fn lock_recovering(&self) -> MutexGuard<'_, HashSet<TurnId>> {
        self.recovering.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ConversationId, RunningTurn>> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Converts a setting into a maximum. `None` means no limit.
fn maximum(setting: Option<u32>) -> usize {
    setting.and_then(|max| usize::try_from(max).ok()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_millis(1_000);

    fn lease(turn_id: TurnId) -> TurnLease {
        TurnLease { turn_id, lease_until: NOW.plus(Duration::from_secs(10)) }
    }

    #[test]
    fn the_lease_of_a_running_turn_stays_valid_when_the_clock_jumps() {
        let turns = RunningTurns::default();
        let (id, turn) = (ConversationId::generate(), lease(TurnId::generate()));
        turns.register(UserId::generate(), id, turn, CancellationToken::new());
        let jumped = NOW.plus(Duration::from_hours(1));

        assert_eq!(turns.clamp_to_lease(id, NOW), NOW);
        assert!(turns.clamp_to_lease(id, jumped) < turn.lease_until);
        turns.record_renewal(
            id,
            TurnLease { lease_until: jumped.plus(Duration::from_secs(10)), ..turn },
            Instant::now(),
        );
        assert_eq!(turns.clamp_to_lease(id, jumped), jumped);
        assert_eq!(turns.clamp_to_lease(ConversationId::generate(), jumped), jumped);
    }

    #[tokio::test(start_paused = true)]
    async fn removing_a_turn_keeps_the_next_turn_of_its_conversation() {
        let turns = RunningTurns::default();
        let (id, first, next) =
            (ConversationId::generate(), TurnId::generate(), TurnId::generate());
        let user_id = UserId::generate();
        turns.register(user_id, id, lease(first), CancellationToken::new());
        let cancellation = turns.register(user_id, id, lease(next), CancellationToken::new());

        turns.remove(id, first);
        turns.stop(id);

        assert!(cancellation.stop.is_cancelled());
    }
}
