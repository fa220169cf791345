//! The port of user activity.

use async_trait::async_trait;
use webchat_domain::{Timestamp, UserId};

use crate::StoreError;

/// Records when each user was last active, in the same store as the conversations.
///
/// Durability and cancellation are those of [`Conversations`](crate::Conversations).
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait UserActivity: Send + Sync {
    /// Records that the user is active now, unless a time after `skip_if_active_after` is recorded already.
    async fn record_activity(
        &self,
        user_id: UserId,
        now: Timestamp,
        skip_if_active_after: Timestamp,
    ) -> Result<(), StoreError>;

    /// Records, as active now, all users who have conversations but no record. Records are missing for conversations
    /// that an older version stored, or that were copied or migrated.
    async fn add_missing_records(&self, now: Timestamp) -> Result<(), StoreError>;

    /// Returns at most `max` users who were last active before this time, least recently active first.
    async fn list_inactive(&self, before: Timestamp, max: u32) -> Result<Vec<UserId>, StoreError>;

    /// Deletes the record of a user who was last active before this time. Does nothing if the user has been active
    /// since; conversations are kept.
    async fn delete_record_if_inactive(
        &self,
        user_id: UserId,
        before: Timestamp,
    ) -> Result<(), StoreError>;
}
