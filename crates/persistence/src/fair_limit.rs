//! A limit of concurrent work that treats users fairly.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};
use webchat_domain::UserId;

use crate::StoreError;

/// A user whose recent work took longer than this is a heavy user. All heavy users share half of the permits.
const HEAVY_USE: Duration = Duration::from_secs(1);

/// The time after which past work counts only half.
const HALF_LIFE: Duration = Duration::from_secs(30);

/// Limits concurrent work in this process: in total, per user, and of all heavy users together. Further work waits.
/// The work of one user or of a few heavy users therefore does not delay the work of the others.
pub struct FairLimit {
    all: Arc<Semaphore>,
    heavy_users: Arc<Semaphore>,
    max_per_user: usize,
    max_wait: Duration,
    users: Users,
}

type Users = Arc<Mutex<HashMap<UserId, UserState>>>;

struct UserState {
    semaphore: Arc<Semaphore>,
    use_seconds: f64,
    updated_at: Instant,
}

/// Counts towards the limit until it is dropped. The user is charged for the time until then, unless
/// [`FairPermit::end`] is called.
pub struct FairPermit {
    user: Option<(UserId, Users)>,
    acquired_at: Instant,
    used: Option<Duration>,
    permits: Permits,
}

#[derive(Default)]
struct Permits {
    user: Option<OwnedSemaphorePermit>,
    heavy_users: Option<OwnedSemaphorePermit>,
    all: Option<OwnedSemaphorePermit>,
}

impl FairLimit {
    /// Creates a limit of `max` permits, of which one user gets at most half, rounded up. Work waits for a permit at
    /// most for `max_wait`.
    #[must_use]
    pub fn new(max: usize, max_wait: Duration) -> Self {
        let half = max.div_ceil(2);
        Self {
            all: Arc::new(Semaphore::new(max)),
            heavy_users: Arc::new(Semaphore::new(half)),
            max_per_user: half,
            max_wait,
            users: Users::default(),
        }
    }

    /// Acquires a permit. Work of the server itself has no user.
    ///
    /// # Errors
    /// [`StoreError::Timeout`] if no permit became free in time.
    pub async fn acquire(&self, user_id: Option<UserId>) -> Result<FairPermit, StoreError> {
        match timeout(self.max_wait, self.permits(user_id)).await {
            Ok(permits) => Ok(FairPermit {
                user: user_id.map(|user_id| (user_id, Arc::clone(&self.users))),
                acquired_at: Instant::now(),
                used: None,
                permits: permits.map_err(StoreError::fault)?,
            }),
            Err(elapsed) => Err(StoreError::timeout(elapsed)),
        }
    }

    async fn permits(&self, user_id: Option<UserId>) -> Result<Permits, AcquireError> {
        let mut permits = Permits::default();
        if let Some(user_id) = user_id {
            permits.user = Some(self.semaphore_of(user_id).acquire_owned().await?);
            if self.is_heavy(user_id) {
                let heavy_users = Arc::clone(&self.heavy_users);
                permits.heavy_users = Some(heavy_users.acquire_owned().await?);
            }
        }
        permits.all = Some(Arc::clone(&self.all).acquire_owned().await?);
        Ok(permits)
    }

    /// Returns the user's semaphore, which is kept as long as it is in use or the user's past work counts.
    fn semaphore_of(&self, user_id: UserId) -> Arc<Semaphore> {
        let mut users = lock(&self.users);
        if !users.contains_key(&user_id) {
            users.retain(|_, user| {
                Arc::strong_count(&user.semaphore) > 1 || user.recent_use() > 0.1
            });
        }
        let user = users.entry(user_id).or_insert_with(|| UserState {
            semaphore: Arc::new(Semaphore::new(self.max_per_user)),
            use_seconds: 0.0,
            updated_at: Instant::now(),
        });
        Arc::clone(&user.semaphore)
    }

    fn is_heavy(&self, user_id: UserId) -> bool {
        let users = lock(&self.users);
        users.get(&user_id).is_some_and(|user| user.recent_use() > HEAVY_USE.as_secs_f64())
    }
}

impl FairPermit {
    /// Whether the user was a heavy user when the permit was acquired.
    #[must_use]
    pub fn is_of_heavy_user(&self) -> bool {
        self.permits.heavy_users.is_some()
    }

    /// Releases the permit. Charges the user for this time, for example the processor time of the work.
    pub fn end(mut self, used: Duration) {
        self.used = Some(used);
    }
}

impl Drop for FairPermit {
    fn drop(&mut self) {
        let Some((user_id, users)) = &self.user else { return };
        let used = self.used.unwrap_or_else(|| self.acquired_at.elapsed());
        if let Some(user) = lock(users).get_mut(user_id) {
            user.use_seconds = user.recent_use() + used.as_secs_f64();
            user.updated_at = Instant::now();
        }
    }
}

impl UserState {
    fn recent_use(&self) -> f64 {
        let half_lives = self.updated_at.elapsed().div_duration_f64(HALF_LIFE);
        self.use_seconds * 0.5_f64.powf(half_lives)
    }
}

fn lock(users: &Users) -> MutexGuard<'_, HashMap<UserId, UserState>> {
    users.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX_WAIT: Duration = Duration::from_secs(5);

    #[tokio::test(start_paused = true)]
    async fn one_user_gets_at_most_half_of_the_permits() {
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
    async fn heavy_users_together_get_at_most_half_of_the_permits() {
        let limit = FairLimit::new(4, MAX_WAIT);
        let heavy = [(); 3].map(|()| UserId::generate());
        for user_id in heavy {
            limit.acquire(Some(user_id)).await.unwrap().end(HEAVY_USE * 2);
        }

        let first = limit.acquire(Some(heavy[0])).await.unwrap();
        let _second = limit.acquire(Some(heavy[1])).await.unwrap();
        let third = limit.acquire(Some(heavy[2])).await;
        let other = limit.acquire(Some(UserId::generate())).await;
        tokio::time::advance(HALF_LIFE * 2).await;
        let third_later = limit.acquire(Some(heavy[2])).await;

        assert!(first.is_of_heavy_user());
        assert!(matches!(third, Err(StoreError::Timeout(_))));
        assert!(!other.unwrap().is_of_heavy_user());
        assert!(third_later.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_beyond_the_maximum_times_out() {
        let limit = FairLimit::new(1, MAX_WAIT);

        let _only = limit.acquire(None).await.unwrap();

        assert!(matches!(limit.acquire(None).await, Err(StoreError::Timeout(_))));
    }

    #[tokio::test]
    async fn the_state_of_users_without_permits_is_dropped() {
        let limit = FairLimit::new(4, MAX_WAIT);

        for _ in 0..100 {
            limit.acquire(Some(UserId::generate())).await.unwrap();
        }

        assert!(limit.users.lock().unwrap().len() <= 2);
    }
}
