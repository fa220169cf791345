//! The limits on the stored bytes of each user and of all users together.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use webchat_domain::UserId;
use webchat_persistence::{ConversationTransfer, SavedFiles, StoreError};

use crate::error::ChatError;
use crate::ports::Ports;
use crate::runtime::reached_limits::{Limit, count_reached_limit};
use crate::settings::StoredBytesLimits;

/// The time for which a sum of stored bytes is cached. Bytes that this process stores in the meantime are added to
/// it.
const CACHE_TIME: Duration = Duration::from_mins(1);

/// The time for which a sum that exceeds its limit is cached. It is short, because the user may have deleted
/// something.
const FULL_CACHE_TIME: Duration = Duration::from_secs(5);

/// The maximum number of cached sums.
const MAX_CACHED: usize = 10_000;

/// Checks the stored bytes against the limits. Clones share the cached sums.
#[derive(Clone)]
pub struct StorageQuota {
    transfer: Arc<dyn ConversationTransfer>,
    saved_files: Arc<dyn SavedFiles>,
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
    pub(crate) fn new(ports: &Ports, limits: StoredBytesLimits) -> Self {
        let (transfer, saved_files) = (Arc::clone(&ports.transfer), Arc::clone(&ports.saved_files));
        Self { transfer, saved_files, limits, sums: Arc::default() }
    }

    /// Checks that the user may store this many more bytes, and counts them. A limit may be exceeded by the bytes
    /// of concurrent calls, and by the bytes that other processes store within a minute.
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
        self.add(Scope::User(user_id), bytes);
        self.add(Scope::All, bytes);
        Ok(())
    }

    /// Returns the number of bytes that all users together may still store. `None` means no limit except the disk.
    pub(crate) async fn free_bytes(&self) -> Result<Option<u64>, StoreError> {
        let Some(limit) = self.limits.total else { return Ok(None) };
        let sum = self.sum(Scope::All, |sum| sum >= limit).await?;
        Ok(Some(limit.saturating_sub(sum)))
    }

    /// Counts the bytes of a saved file towards the total of all users.
    pub(crate) fn add_saved(&self, bytes: u64) {
        self.add(Scope::All, bytes);
    }

    fn add(&self, scope: Scope, bytes: u64) {
        if let Some(sum) = self.lock().get_mut(&scope) {
            sum.bytes = sum.bytes.saturating_add(bytes);
        }
    }

    async fn exceeds(&self, scope: Scope, bytes: u64, limit: u64) -> Result<bool, StoreError> {
        let exceeds = |sum: u64| sum.saturating_add(bytes) > limit;
        Ok(exceeds(self.sum(scope, exceeds).await?))
    }

    async fn sum(&self, scope: Scope, is_full: impl Fn(u64) -> bool) -> Result<u64, StoreError> {
        if let Some(bytes) = self.cached(scope, is_full) {
            return Ok(bytes);
        }
        let bytes = match scope {
            Scope::All => {
                let (stored, saved) = tokio::try_join!(
                    self.transfer.stored_bytes(),
                    self.saved_files.stored_bytes()
                )?;
                stored.saturating_add(saved)
            }
            Scope::User(user_id) => self.transfer.stored_bytes_of(user_id).await?,
        };
        self.cache(scope, Sum { bytes, read_at: Instant::now() });
        Ok(bytes)
    }

    /// Returns the cached sum, unless it is too old: then the first caller reads it again, and the others use the
    /// cached one in the meantime.
    fn cached(&self, scope: Scope, is_full: impl Fn(u64) -> bool) -> Option<u64> {
        let mut sums = self.lock();
        let sum = sums.get_mut(&scope)?;
        let cache_time = if is_full(sum.bytes) { FULL_CACHE_TIME } else { CACHE_TIME };
        if sum.read_at.elapsed() >= cache_time {
            sum.read_at = Instant::now();
            return None;
        }
        Some(sum.bytes)
    }

    fn cache(&self, scope: Scope, sum: Sum) {
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
    use webchat_persistence::{MockConversationTransfer, MockSavedFiles};

    use super::*;

    /// Returns a quota of 100 bytes per user. The store reports the same number of bytes for each user and for all
    /// users together.
    fn quota(stored: u64, saved: u64, total: Option<u64>) -> StorageQuota {
        let mut transfer = MockConversationTransfer::new();
        transfer.expect_stored_bytes_of().returning(move |_| Ok(stored));
        transfer.expect_stored_bytes().returning(move || Ok(stored));
        let mut saved_files = MockSavedFiles::new();
        saved_files.expect_stored_bytes().returning(move || Ok(saved));
        let limits = StoredBytesLimits { per_user: Some(100), total };
        let (transfer, saved_files) = (Arc::new(transfer), Arc::new(saved_files));
        StorageQuota { transfer, saved_files, limits, sums: Arc::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_user_can_store_up_to_the_limit() {
        let (quota, user_id) = (quota(50, 0, None), UserId::generate());

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
        let (quota, user_id) = (quota(50, 0, Some(60)), UserId::generate());

        let within = quota.reserve(user_id, 10).await;
        let beyond = quota.reserve(UserId::generate(), 1).await;

        assert!(within.is_ok());
        assert!(matches!(beyond, Err(ChatError::ServerStorageFull)), "{beyond:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn saved_files_count_towards_the_limit_of_all_users() {
        let (quota, user_id) = (quota(50, 30, Some(100)), UserId::generate());

        let free = quota.free_bytes().await.unwrap();
        quota.add_saved(15);
        let within = quota.reserve(user_id, 5).await;
        let beyond = quota.reserve(user_id, 1).await;

        assert_eq!(free, Some(20));
        assert!(within.is_ok());
        assert!(matches!(beyond, Err(ChatError::ServerStorageFull)), "{beyond:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_old_sum_is_read_again_once_and_used_in_the_meantime() {
        let quota = quota(50, 0, Some(100));
        quota.reserve(UserId::generate(), 1).await.unwrap();
        advance(CACHE_TIME).await;

        let first = quota.cached(Scope::All, |_| false);
        let second = quota.cached(Scope::All, |_| false);

        assert_eq!((first, second), (None, Some(51)));
    }
}
