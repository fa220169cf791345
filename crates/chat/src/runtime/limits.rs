//! Limits per user within this process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use webchat_domain::UserId;

/// Limits how many of something each user has at a time in this process: turns, connections. Clones
/// share one count.
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
    fn a_user_has_so_many_and_the_next_when_one_is_gone() {
        let permits = PerUserLimit::default();
        let (user, other) = (UserId::generate(), UserId::generate());

        let held = [permits.acquire(user, 2).unwrap(), permits.acquire(user, 2).unwrap()];
        let refused = permits.acquire(user, 2);
        let others = permits.acquire(other, 2);
        drop(held);

        assert!(refused.is_none());
        drop((others.unwrap(), permits.acquire(user, 2).unwrap()));
        assert!(permits.lock().is_empty());
    }
}
