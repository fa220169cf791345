//! Limits of concurrent operations within this process: per user, per network or in total.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use webchat_domain::UserId;

/// Limits each key's concurrent operations in this process: turns, connections or similar. Clones share
/// their counts.
pub struct ConcurrencyLimit<K>(Arc<Mutex<HashMap<K, usize>>>);

/// Limits each user's concurrent operations in this process.
pub type PerUserLimit = ConcurrencyLimit<UserId>;

/// Counts towards the limit of its key until it is dropped.
pub struct Permit<K: Copy + Eq + Hash = UserId> {
    limit: ConcurrencyLimit<K>,
    key: K,
    weight: usize,
}

impl<K: Copy + Eq + Hash> ConcurrencyLimit<K> {
    /// Acquires a permit. Returns `None` if the key already has `max`.
    #[must_use]
    pub fn acquire(&self, key: K, max: usize) -> Option<Permit<K>> {
        let mut permit = self.empty_permit(key);
        permit.grow(1, max).then_some(permit)
    }

    /// Returns a permit that counts nothing yet.
    #[must_use]
    pub fn empty_permit(&self, key: K) -> Permit<K> {
        Permit { limit: self.clone(), key, weight: 0 }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Copy + Eq + Hash> Permit<K> {
    /// Lets the permit count `weight` more. Returns `false` and changes nothing if the permits of its key
    /// would then count more than `max`.
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
        Self(Arc::default())
    }
}

impl<K: Copy + Eq + Hash> Drop for Permit<K> {
    fn drop(&mut self) {
        let mut counts = self.limit.lock();
        if let Some(count) = counts.get_mut(&self.key) {
            *count = count.saturating_sub(self.weight);
            if *count == 0 {
                counts.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
