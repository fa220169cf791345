//! The ports of accounts, their API keys, and the audit log.

mod api_keys;
mod audit;
mod erasures;
mod identities;

use async_trait::async_trait;
use webchat_domain::{
    Account, AccountName, AccountRole, GroupName, GroupNames, GroupSource, NewAuditEntry,
    PasswordHash, Timestamp, UserId,
};

pub use self::api_keys::ApiKeys;
#[cfg(feature = "mock")]
pub use self::api_keys::MockApiKeys;
#[cfg(feature = "mock")]
pub use self::audit::MockAuditLog;
pub use self::audit::{AuditChain, AuditFilter, AuditLog};
#[cfg(feature = "mock")]
pub use self::erasures::MockErasures;
pub use self::erasures::{Erasures, RequestErasureOutcome};
#[cfg(feature = "mock")]
pub use self::identities::MockIdentities;
pub use self::identities::{CreateWithIdentityOutcome, Identities};
use crate::StoreError;

/// Stores the users who can sign in, in the same store as the conversations.
///
/// A call with an audit entry appends it to the [`AuditLog`] in the same transaction if it changes something, and not
/// otherwise.
///
/// Durability and cancellation are those of [`Conversations`](crate::Conversations).
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Accounts: Send + Sync {
    /// Stores a new account, unless another one has its name. Only one of several concurrent calls with the same name
    /// stores its account.
    async fn create(
        &self,
        account: Account,
        audit: Option<NewAuditEntry>,
    ) -> Result<CreateAccountOutcome, StoreError>;

    /// Returns the account of a user.
    async fn find(&self, user_id: UserId) -> Result<Option<Account>, StoreError>;

    /// Returns the account with this name.
    async fn find_by_name(&self, name: AccountName) -> Result<Option<Account>, StoreError>;

    /// Returns at most `max` accounts that match a filter, in the order of their names, after `after`.
    async fn list(
        &self,
        filter: AccountFilter,
        after: Option<AccountName>,
        max: u32,
    ) -> Result<Vec<Account>, StoreError>;

    /// Makes the account of `user_id` that of the anonymous user `anonymous`, with everything that this user has stored,
    /// and records that the user has signed in. Returns `false`, and changes nothing, if somebody has signed in to the
    /// account already, if it has conversations or is being erased, or
    /// if `anonymous` has an account. Only one of several concurrent calls
    /// for an account changes it.
    async fn adopt_user(
        &self,
        user_id: UserId,
        anonymous: UserId,
        now: Timestamp,
        audit: Option<NewAuditEntry>,
    ) -> Result<bool, StoreError>;

    /// Changes an account. Of several concurrent calls, none leaves the server without an active administrator.
    async fn update(
        &self,
        user_id: UserId,
        update: AccountUpdate,
    ) -> Result<UpdateAccountOutcome, StoreError>;

    /// Returns at most `max` of the groups that accounts have and whose names begin with `prefix`, in the order of their
    /// names, after `after`.
    async fn list_groups(
        &self,
        prefix: String,
        after: Option<GroupName>,
        max: u32,
    ) -> Result<Vec<Group>, StoreError>;
}

/// A group that accounts have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: GroupName,
    /// The number of accounts in it, disabled ones included.
    pub members: u64,
}

/// Which accounts are listed. The default matches all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountFilter {
    /// Only those whose names begin with this text.
    pub prefix: String,
    /// Only those with this role.
    pub role: Option<AccountRole>,
    /// Only those that are disabled (`true`) or enabled (`false`).
    pub is_disabled: Option<bool>,
    /// Only those in this group.
    pub group: Option<GroupName>,
}

/// Changes of an account. `None` leaves a value unchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountUpdate {
    /// The new role.
    pub role: Option<AccountRole>,
    /// The new groups of a source.
    pub groups: Option<GroupUpdate>,
    /// When the account was disabled; `Some(None)` enables it.
    pub disabled_at: Option<Option<Timestamp>>,
    /// The new password.
    pub password: Option<NewPassword>,
    /// When the user signed in.
    pub signed_in_at: Option<Timestamp>,
    /// Whether the account gets an API key.
    pub adds_key: bool,
    /// Whether all sessions of the user end: the account gets another version.
    pub ends_sessions: bool,
    /// The update is refused if the account has another version.
    pub expected_version: Option<u32>,
    /// The entry of the audit log that records the changes.
    pub audit: Option<NewAuditEntry>,
}

/// New groups of an account. The update is refused if the source has given other groups than expected in the meantime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupUpdate {
    /// The source. The groups of others stay.
    pub source: GroupSource,
    /// The groups before.
    pub expected: GroupNames,
    /// The groups afterwards.
    pub names: GroupNames,
}

/// A new password of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPassword {
    /// Its hash.
    pub hash: PasswordHash,
    /// Whether the user must choose another one at the next sign-in.
    pub must_change: bool,
}

/// The outcome of creating an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateAccountOutcome {
    /// The account is stored.
    Created,
    /// Another account has the name. Nothing was stored.
    NameTaken,
}

/// The outcome of changing an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpdateAccountOutcome {
    /// The account as it is now.
    Updated(Account),
    /// There is no such account.
    NotFound,
    /// The change would leave no active administrator. Nothing was changed.
    LastAdmin,
    /// The account has another version or other groups than expected. Nothing was changed.
    Changed,
    /// The account is being erased. Nothing was changed.
    BeingErased,
}
