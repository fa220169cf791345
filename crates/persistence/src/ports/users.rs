//! The port of user activity.

use async_trait::async_trait;
use webchat_domain::{Timestamp, UserId};

use crate::StoreError;

/// Records when each user was last active, in the same store as the conversations.
///
/// Durability and cancellation are those of [`Conversations`](crate::Conversations).
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Users: Send + Sync {
    /// Records that the user is active now, unless a time after `skip_if_active_after` is recorded already.
    async fn record_activity(
        &self,
        user_id: UserId,
        now: Timestamp,
        skip_if_active_after: Timestamp,
    ) -> Result<(), StoreError>;

    /// Records users who have conversations but no record as active now. Records are missing for conversations that an
    /// older version stored, or that were copied or migrated.
    async fn record_missing_users(&self, now: Timestamp) -> Result<(), StoreError>;

    /// Returns at most `max` users who were last active before this time, least recently active first.
    async fn inactive(&self, before: Timestamp, max: u32) -> Result<Vec<UserId>, StoreError>;

    /// Deletes the record of a user who was last active before this time.
    async fn delete_inactive(&self, user_id: UserId, before: Timestamp) -> Result<(), StoreError>;
}
