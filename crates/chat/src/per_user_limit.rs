use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use webchat_domain::UserId;

/// How many of something each user has at a time in this process: answers being made, connections.
/// Clones share one count.
#[derive(Clone, Default)]
pub struct PerUserLimit(Arc<Mutex<HashMap<UserId, usize>>>);

/// One of a user's, for as long as this is held.
pub struct Permit {
    limit: PerUserLimit,
    user_id: UserId,
}

impl PerUserLimit {
    /// One more of this user's; `None` where there are `most` already.
    #[must_use]
    pub fn acquire(&self, user_id: UserId, most: usize) -> Option<Permit> {
        let mut taken = self.lock();
        let count = taken.entry(user_id).or_default();
        if *count >= most {
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
        let mut taken = self.limit.lock();
        if let Some(count) = taken.get_mut(&self.user_id) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.user_id);
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
