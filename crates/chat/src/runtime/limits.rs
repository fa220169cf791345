//! Limits per user within this process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use webchat_domain::UserId;

/// Limits how many turns, connections or the like each user has at a time in this process. Clones share one
/// count.
#[derive(Clone, Default)]
pub struct PerUserLimit(Arc<Mutex<HashMap<UserId, usize>>>);

/// Counts towards the user's limit until it is dropped.
pub struct Permit {
    limit: PerUserLimit,
    user_id: UserId,
}

impl PerUserLimit {
    /// Acquires a permit. Returns `None` if the user already has `max`.
    #[must_use]
    pub fn acquire(&self, user_id: UserId, max: usize) -> Option<Permit> {
        let mut permits = self.lock();
        let count = permits.entry(user_id).or_default();
        if *count >= max {
            return None;
        }
        *count += 1;
        Some(Permit { limit: self.clone(), user_id })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut permits = self.limit.lock();
        if let Some(count) = permits.get_mut(&self.user_id) {
            *count -= 1;
            if *count == 0 {
                permits.remove(&self.user_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acquire_fails_at_the_limit_of_the_user_until_permits_are_released() {
        let limit = PerUserLimit::default();
        let (user, other) = (UserId::generate(), UserId::generate());

        let permits = [limit.acquire(user, 2).unwrap(), limit.acquire(user, 2).unwrap()];
        let above_limit = limit.acquire(user, 2);
        let of_other_user = limit.acquire(other, 2);
        drop(permits);

        assert!(above_limit.is_none());
        drop((of_other_user.unwrap(), limit.acquire(user, 2).unwrap()));
        assert!(limit.lock().is_empty());
    }
}
