use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use webchat_domain::UserId;

/// How many of something each user has at a time in this process: answers being made, connections.
/// Clones share one count.
#[derive(Clone, Default)]
pub struct Places(Arc<Mutex<HashMap<UserId, usize>>>);

/// One of a user's, for as long as this is held.
pub struct Place {
    places: Places,
    user_id: UserId,
}

impl Places {
    /// One more of this user's; `None` where there are `most` already.
    #[must_use]
    pub fn take(&self, user_id: UserId, most: usize) -> Option<Place> {
        let mut taken = self.lock();
        let count = taken.entry(user_id).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Place { places: self.clone(), user_id })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
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
        let places = Places::default();
        let (user, other) = (UserId::generate(), UserId::generate());

        let held = [places.take(user, 2).unwrap(), places.take(user, 2).unwrap()];
        let refused = places.take(user, 2);
        let others = places.take(other, 2);
        drop(held);

        assert!(refused.is_none());
        drop((others.unwrap(), places.take(user, 2).unwrap()));
        assert!(places.lock().is_empty());
    }
}
