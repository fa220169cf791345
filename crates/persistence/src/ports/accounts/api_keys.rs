//! The port of API keys.

use async_trait::async_trait;
use webchat_domain::{ApiKey, ApiKeyHash, ApiKeyId, NewAuditEntry, Timestamp, UserId};

use crate::StoreError;

/// Stores API keys, in the same store as the accounts. Audit entries are appended as by [`Accounts`](crate::Accounts).
///
/// Durability and cancellation are those of [`Conversations`](crate::Conversations).
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait ApiKeys: Send + Sync {
    /// Stores a key. Does nothing if a key with its id exists.
    async fn create(&self, key: ApiKey, audit: Option<NewAuditEntry>) -> Result<(), StoreError>;

    /// Returns the key with this hash.
    async fn find_by_hash(&self, hash: ApiKeyHash) -> Result<Option<ApiKey>, StoreError>;

    /// Returns the keys of a user, the newest first.
    async fn list(&self, user_id: UserId) -> Result<Vec<ApiKey>, StoreError>;

    /// Deletes a key of the user. Returns whether the user had it.
    async fn delete(
        &self,
        user_id: UserId,
        key_id: ApiKeyId,
        audit: Option<NewAuditEntry>,
    ) -> Result<bool, StoreError>;

    /// Records when the key was last used. Does nothing if it does not exist.
    async fn record_use(&self, key_id: ApiKeyId, now: Timestamp) -> Result<(), StoreError>;
}
