//! A limit of concurrent work, of which one user has at most a share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use webchat_domain::UserId;

use crate::StoreError;

/// Limits concurrent work in this process, in all and per user. Further work waits, first for the user's
/// share and then for a place among all, so that the waiting work of one user doesn't delay others.
pub struct FairLimit {
    all: Arc<Semaphore>,
    max_per_user: usize,
    max_wait: Duration,
    users: Mutex<HashMap<UserId, Weak<Semaphore>>>,
}

/// Counts towards the limit until it is dropped.
pub struct FairPermit {
    _of_user: Option<OwnedSemaphorePermit>,
    _of_all: OwnedSemaphorePermit,
}

impl FairLimit {
    /// Allows `max` at a time, of which one user has at most half, rounded up. Work waits at most
    /// `max_wait`.
    #[must_use]
    pub fn new(max: usize, max_wait: Duration) -> Self {
        let all = Arc::new(Semaphore::new(max));
        Self { all, max_per_user: max.div_ceil(2), max_wait, users: Mutex::default() }
    }

    /// Acquires a permit. Work of the server itself has no user.
    ///
    /// # Errors
    /// [`StoreError::Timeout`] if none was free in time.
    pub async fn acquire(&self, user_id: Option<UserId>) -> Result<FairPermit, StoreError> {
        let both = async {
            let of_user = match user_id {
                Some(user_id) => Some(self.user(user_id).acquire_owned().await?),
                None => None,
            };
            let of_all = Arc::clone(&self.all).acquire_owned().await?;
            Ok::<_, AcquireError>(FairPermit { _of_user: of_user, _of_all: of_all })
        };
        match timeout(self.max_wait, both).await {
            Ok(permit) => permit.map_err(StoreError::fault),
            Err(elapsed) => Err(StoreError::timeout(elapsed)),
        }
    }

    /// Returns the user's share, which exists as long as it is in use.
    fn user(&self, user_id: UserId) -> Arc<Semaphore> {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = users.get(&user_id).and_then(Weak::upgrade) {
            return share;
        }
        users.retain(|_, share| share.strong_count() > 0);
        let share = Arc::new(Semaphore::new(self.max_per_user));
        users.insert(user_id, Arc::downgrade(&share));
        share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX_WAIT: Duration = Duration::from_secs(5);

    #[tokio::test(start_paused = true)]
    async fn one_user_gets_half_and_others_the_rest() {
        let limit = FairLimit::new(4, MAX_WAIT);
        let (greedy, other) = (Some(UserId::generate()), Some(UserId::generate()));

        let _first = limit.acquire(greedy).await.unwrap();
        let second = limit.acquire(greedy).await.unwrap();
        let third = limit.acquire(greedy).await;
        let _others = (limit.acquire(other).await.unwrap(), limit.acquire(None).await.unwrap());
        drop(second);

        assert!(matches!(third, Err(StoreError::Timeout(_))));
        assert!(limit.acquire(greedy).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_gets_more_than_all_permits() {
        let limit = FairLimit::new(1, MAX_WAIT);

        let _only = limit.acquire(None).await.unwrap();

        assert!(matches!(limit.acquire(None).await, Err(StoreError::Timeout(_))));
    }

    #[tokio::test]
    async fn users_without_permits_are_forgotten() {
        let limit = FairLimit::new(4, MAX_WAIT);

        for _ in 0..100 {
            limit.acquire(Some(UserId::generate())).await.unwrap();
        }

        assert!(limit.users.lock().unwrap().len() <= 2);
    }
}
