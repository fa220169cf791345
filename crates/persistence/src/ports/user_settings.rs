//! The port of the settings of users.

use async_trait::async_trait;
use webchat_domain::{Timestamp, UserId, UserSettings};

use crate::StoreError;

/// Stores the settings of users, in the same store as the conversations.
///
/// Durability and cancellation are those of [`Conversations`](crate::Conversations). The settings are deleted with the
/// record of the user's activity: see [`UserActivity`](crate::UserActivity).
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait UserSettingsStore: Send + Sync {
    /// Returns the user's settings, which are empty until they are replaced.
    async fn user_settings(&self, user_id: UserId) -> Result<StoredUserSettings, StoreError>;

    /// Replaces the settings if they still have the expected revision. Returns whether they had it. A user without a
    /// record of activity is recorded as active `now`.
    async fn replace_user_settings(
        &self,
        user_id: UserId,
        settings: UserSettings,
        expected_revision: u64,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Returns the settings of at most `limit` users that come after `after`, ordered by user id. Users whose settings
    /// were never written are left out. Only for the operator's commands.
    async fn user_settings_after(
        &self,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<(UserId, UserSettings)>, StoreError>;
}

/// Settings and their revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredUserSettings {
    /// The settings.
    pub settings: UserSettings,
    /// The revision, which increases with each replacement; 0 if the settings were never written.
    pub revision: u64,
}
