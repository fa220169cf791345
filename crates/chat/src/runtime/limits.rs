//! Limits per user within this process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use webchat_domain::UserId;

/// Limits each user's concurrent operations in this process: turns, connections or similar. Clones share
/// their counts.
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
}
