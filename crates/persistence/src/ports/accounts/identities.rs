//! The port of the identities with which users sign in.

use async_trait::async_trait;
use webchat_domain::{Account, AccountRole, Identity, IdentityKey, NewAuditEntry, UserId};

use crate::StoreError;

/// Stores the identities of users, in the same store as their accounts. Audit entries are appended as by
/// [`Accounts`](crate::Accounts).
///
/// Durability and cancellation are those of [`Conversations`](crate::Conversations).
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Identities: Send + Sync {
    /// Returns the identity with this key.
    async fn find_identity(&self, key: IdentityKey) -> Result<Option<Identity>, StoreError>;

    /// Returns the identities of a user, in the order of their issuers.
    async fn list_identities(&self, user_id: UserId) -> Result<Vec<Identity>, StoreError>;

    /// Stores a new account together with the identity of its user, or nothing. Only one of several concurrent calls with
    /// the same identity stores its account.
    async fn create_with_identity(
        &self,
        account: Account,
        identity: Identity,
        audit: Option<NewAuditEntry>,
    ) -> Result<CreateWithIdentityOutcome, StoreError>;

    /// Adds an identity to the account of its user, which counts as used from then on. Nothing is stored if there is no
    /// such account, or it has another identity of the issuer. Returns the stored identity with the key.
    async fn link_identity(
        &self,
        identity: Identity,
        audit: Option<NewAuditEntry>,
    ) -> Result<Option<Identity>, StoreError>;

    /// Changes the role that the account has because of the user's groups. Does nothing if there is no such identity.
    async fn set_granted_role(
        &self,
        key: IdentityKey,
        role: Option<AccountRole>,
    ) -> Result<(), StoreError>;
}

/// The outcome of storing an account with an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreateWithIdentityOutcome {
    /// Both are stored.
    Created,
    /// The identity exists, with another account.
    Exists(Identity),
    /// Another account has the name.
    NameTaken,
    /// The user has an account.
    UserTaken,
}
