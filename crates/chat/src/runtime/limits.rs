//! Limits on concurrent operations in this process: per user, per network and in total.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use webchat_domain::{Caller, Network, UserId};

use super::reached_limits::{Limit, count_reached_limit};

/// Limits the concurrent operations of each user, of each client network, and of all users together. Clones share
/// their counts.
#[derive(Clone, Default)]
pub struct CallerLimit {
    users: PerUserLimit,
    networks: ConcurrencyLimit<Network>,
    all: ConcurrencyLimit<()>,
}

/// The maximum number of concurrent operations, and its name in the metrics.
pub type Maximum = (Limit, usize);

/// A permit that counts towards all three limits until it is dropped.
pub struct CallerPermit {
    _user: Permit,
    _network: Option<Permit<Network>>,
    _all: Permit<()>,
}

impl CallerLimit {
    /// Acquires a permit. The maxima apply to the user, to the network of the user's client, and to all users
    /// together.
    ///
    /// # Errors
    /// The first maximum that is reached, which is also counted in the metrics.
    pub fn acquire(
        &self,
        caller: Caller,
        [of_user, of_network, of_all]: [Maximum; 3],
    ) -> Result<CallerPermit, Maximum> {
        let user = acquire(&self.users, caller.user_id, of_user)?;
        let network = caller.network().map(|network| acquire(&self.networks, network, of_network));
        let network = network.transpose()?;
        let all = acquire(&self.all, (), of_all)?;
        Ok(CallerPermit { _user: user, _network: network, _all: all })
    }
}

fn acquire<K: Copy + Eq + Hash>(
    permits: &ConcurrencyLimit<K>,
    key: K,
    maximum: Maximum,
) -> Result<Permit<K>, Maximum> {
    let (limit, max) = maximum;
    permits.acquire(key, max).ok_or_else(|| {
        count_reached_limit(limit);
        maximum
    })
}

/// Limits each key's concurrent operations in this process: turns, connections or similar. Clones share
/// their counts.
pub struct ConcurrencyLimit<K>(Arc<Shared<K>>);

struct Shared<K> {
    counts: Mutex<HashMap<K, usize>>,
    /// Wakes tasks that wait for a permit.
    released: Notify,
}

/// Limits each user's concurrent operations in this process.
pub type PerUserLimit = ConcurrencyLimit<UserId>;

/// A permit that counts towards the limit of its key until it is dropped.
pub struct Permit<K: Copy + Eq + Hash = UserId> {
    limit: ConcurrencyLimit<K>,
    key: K,
    weight: usize,
}

impl<K: Copy + Eq + Hash> ConcurrencyLimit<K> {
    /// Acquires a permit. Returns `None` if the key already has `max` permits.
    #[must_use]
    pub fn acquire(&self, key: K, max: usize) -> Option<Permit<K>> {
        let mut permit = self.empty_permit(key);
        permit.grow(1, max).then_some(permit)
    }

    /// Acquires a permit. Waits while the key has `max` permits.
    pub async fn acquire_when_free(&self, key: K, max: usize) -> Permit<K> {
        loop {
            let released = self.0.released.notified();
            if let Some(permit) = self.acquire(key, max) {
                return permit;
            }
            released.await;
        }
    }

    /// Returns a permit with the weight 0.
    #[must_use]
    pub fn empty_permit(&self, key: K) -> Permit<K> {
        Permit { limit: self.clone(), key, weight: 0 }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        self.0.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Copy + Eq + Hash> Permit<K> {
    /// Increases the permit's weight by `weight`. Returns `false` and changes nothing if the total weight of the
    /// key's permits would then exceed `max`.
    #[must_use]
    pub fn grow(&mut self, weight: usize, max: usize) -> bool {
        let mut counts = self.limit.lock();
        let count = counts.get(&self.key).copied().unwrap_or_default().saturating_add(weight);
        if count > max {
            return false;
        }
        counts.insert(self.key, count);
        self.weight = self.weight.saturating_add(weight);
        true
    }
}

impl<K> Clone for ConcurrencyLimit<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K> Default for ConcurrencyLimit<K> {
    fn default() -> Self {
        Self(Arc::new(Shared { counts: Mutex::default(), released: Notify::new() }))
    }
}

impl<K: Copy + Eq + Hash> Drop for Permit<K> {
    fn drop(&mut self) {
        if self.weight == 0 {
            // Notifying would wake tasks whose attempt to acquire a permit has just failed.
            return;
        }
        let mut counts = self.limit.lock();
        if let Some(count) = counts.get_mut(&self.key) {
            *count = count.saturating_sub(self.weight);
            if *count == 0 {
                counts.remove(&self.key);
            }
        }
        drop(counts);
        self.limit.0.released.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;

    use super::*;

    const LIMITS: [Maximum; 3] =
        [(Limit::TurnsPerUser, 2), (Limit::TurnsPerNetwork, 3), (Limit::Turns, 4)];

    fn caller(user_id: UserId, address: &str) -> Caller {
        Caller { user_id, address: Some(address.parse().unwrap()) }
    }

    #[test]
    fn users_networks_and_all_users_together_are_limited() {
        let (limit, user) = (CallerLimit::default(), UserId::generate());
        let acquire = |user_id, address| limit.acquire(caller(user_id, address), LIMITS);
        let other = UserId::generate;

        let of_user = [acquire(user, "192.0.2.1").unwrap(), acquire(user, "192.0.2.2").unwrap()];
        let above_users_limit = acquire(user, "192.0.2.3").err();
        let of_others =
            [acquire(other(), "192.0.2.1").unwrap(), acquire(other(), "192.0.2.1").unwrap()];
        let above_networks_limit = acquire(other(), "192.0.2.1").err();
        let above_limit_of_all = acquire(other(), "192.0.2.3").err();
        drop(of_user);
        let after_release = acquire(other(), "192.0.2.1");

        assert_eq!(above_users_limit, Some(LIMITS[0]));
        assert_eq!(above_networks_limit, Some(LIMITS[1]));
        assert_eq!(above_limit_of_all, Some(LIMITS[2]));
        drop((of_others, after_release.unwrap()));
        assert!(limit.users.lock().is_empty() && limit.networks.lock().is_empty());
        assert!(limit.all.lock().is_empty());
    }

    #[test]
    fn a_refused_permit_does_not_count() {
        let (limit, user) = (CallerLimit::default(), UserId::generate());
        let none = [(Limit::TurnsPerUser, 1), (Limit::TurnsPerNetwork, 1), (Limit::Turns, 0)];

        let refused = limit.acquire(caller(user, "192.0.2.1"), none);

        assert_eq!(refused.err(), Some(none[2]));
        assert!(limit.users.lock().is_empty() && limit.networks.lock().is_empty());
    }

    #[tokio::test]
    async fn a_waiting_user_gets_the_permit_that_is_released() {
        let (limit, user) = (PerUserLimit::default(), UserId::generate());
        let permit = limit.acquire(user, 1).unwrap();
        let mut waiting = pin!(limit.acquire_when_free(user, 1));

        assert!(waiting.as_mut().now_or_never().is_none());
        drop(limit.acquire(UserId::generate(), 1));
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(permit);
        assert!(waiting.as_mut().now_or_never().is_some());
    }

    #[test]
    fn a_user_at_the_limit_gets_no_permit_until_one_is_released() {
        let limit = PerUserLimit::default();
        let (user, other_user) = (UserId::generate(), UserId::generate());

        let permits = [limit.acquire(user, 2).unwrap(), limit.acquire(user, 2).unwrap()];
        let above_limit = limit.acquire(user, 2);
        let other_users_permit = limit.acquire(other_user, 2);
        drop(permits);

        assert!(above_limit.is_none());
        drop((other_users_permit.unwrap(), limit.acquire(user, 2).unwrap()));
        assert!(limit.lock().is_empty());
    }

    #[test]
    fn a_permit_grows_up_to_the_limit_of_all_permits_of_its_key() {
        let limit = ConcurrencyLimit::default();
        let (mut first, mut second) = (limit.empty_permit(()), limit.empty_permit(()));

        assert!(first.grow(60, 100) && second.grow(40, 100));
        assert!(!second.grow(1, 100));
        drop(first);
        assert!(second.grow(60, 100));
        drop(second);
        assert!(limit.lock().is_empty());
    }
}
