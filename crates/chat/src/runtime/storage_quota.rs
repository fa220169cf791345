//! How much each user may store, and all users together.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use webchat_domain::UserId;
use webchat_persistence::{ConversationArchive, StoreError};

use crate::error::ChatError;
use crate::runtime::reached_limits::{Limit, count_reached_limit};
use crate::settings::StoredBytesLimits;

/// How long a sum of stored bytes is used. Meanwhile, what this process stores is added to it.
const CACHE_TIME: Duration = Duration::from_mins(1);

/// How long a sum that exceeds its limit is used, as the user may have deleted something.
const FULL_CACHE_TIME: Duration = Duration::from_secs(5);

/// The maximum number of users whose sums are kept in memory.
const MAX_CACHED: usize = 10_000;

/// Checks what is to be stored against the limits. Clones share the sums.
#[derive(Clone)]
pub struct StorageQuota {
    archive: Arc<dyn ConversationArchive>,
    limits: StoredBytesLimits,
    sums: Arc<Mutex<HashMap<Scope, Sum>>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Scope {
    All,
    User(UserId),
}

#[derive(Clone, Copy)]
struct Sum {
    bytes: u64,
    read_at: Instant,
}

impl StorageQuota {
    pub(crate) fn new(archive: Arc<dyn ConversationArchive>, limits: StoredBytesLimits) -> Self {
        Self { archive, limits, sums: Arc::default() }
    }

    /// Checks that the user may store this many more bytes, and counts them. Concurrent calls may exceed a limit
    /// by what they store, and other processes by what they store within a minute.
    ///
    /// # Errors
    /// [`ChatError::StorageFull`], [`ChatError::ServerStorageFull`], or an error of the store.
    pub(crate) async fn reserve(&self, user_id: UserId, bytes: u64) -> Result<(), ChatError> {
        if let Some(limit) = self.limits.per_user
            && self.exceeds(Scope::User(user_id), bytes, limit).await?
        {
            count_reached_limit(Limit::StoredBytesPerUser);
            return Err(ChatError::StorageFull { limit });
        }
        if let Some(limit) = self.limits.total
            && self.exceeds(Scope::All, bytes, limit).await?
        {
            count_reached_limit(Limit::StoredBytes);
            return Err(ChatError::ServerStorageFull);
        }
        for scope in [Scope::User(user_id), Scope::All] {
            if let Some(sum) = self.lock().get_mut(&scope) {
                sum.bytes = sum.bytes.saturating_add(bytes);
            }
        }
        Ok(())
    }

    async fn exceeds(&self, scope: Scope, bytes: u64, limit: u64) -> Result<bool, StoreError> {
        let exceeds = |sum: Sum| sum.bytes.saturating_add(bytes) > limit;
        let cached = self.lock().get(&scope).copied();
        if let Some(sum) = cached {
            let cache_time = if exceeds(sum) { FULL_CACHE_TIME } else { CACHE_TIME };
            if sum.read_at.elapsed() < cache_time {
                return Ok(exceeds(sum));
            }
        }
        let bytes = match scope {
            Scope::All => self.archive.stored_bytes().await?,
            Scope::User(user_id) => self.archive.stored_bytes_of(user_id).await?,
        };
        let sum = Sum { bytes, read_at: Instant::now() };
        self.remember(scope, sum);
        Ok(exceeds(sum))
    }

    fn remember(&self, scope: Scope, sum: Sum) {
        let mut sums = self.lock();
        if sums.len() >= MAX_CACHED {
            sums.retain(|_, sum| sum.read_at.elapsed() < CACHE_TIME);
        }
        if sums.len() < MAX_CACHED {
            sums.insert(scope, sum);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Scope, Sum>> {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;
    use webchat_persistence::MockConversationArchive;

    use super::*;

    fn quota(stored: u64, total: Option<u64>) -> StorageQuota {
        let mut archive = MockConversationArchive::new();
        archive.expect_stored_bytes_of().returning(move |_| Ok(stored));
        archive.expect_stored_bytes().returning(move || Ok(stored));
        let limits = StoredBytesLimits { per_user: Some(100), total };
        StorageQuota::new(Arc::new(archive), limits)
    }

    #[tokio::test(start_paused = true)]
    async fn a_user_can_store_up_to_the_limit() {
        let (quota, user_id) = (quota(50, None), UserId::generate());

        let first = quota.reserve(user_id, 50).await;
        let second = quota.reserve(user_id, 1).await;
        advance(FULL_CACHE_TIME).await;
        let after_a_fresh_sum = quota.reserve(user_id, 1).await;

        assert!(first.is_ok());
        assert_eq!(second.unwrap_err().code(), "storage_full");
        assert!(after_a_fresh_sum.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn all_users_together_can_store_up_to_the_limit() {
        let (quota, user_id) = (quota(50, Some(60)), UserId::generate());

        let within = quota.reserve(user_id, 10).await;
        let beyond = quota.reserve(UserId::generate(), 1).await;

        assert!(within.is_ok());
        assert!(matches!(beyond, Err(ChatError::ServerStorageFull)), "{beyond:?}");
    }
}
