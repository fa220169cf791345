//! The port of the erasure of users.

use async_trait::async_trait;
use webchat_domain::{ErasedCounts, Erasure, ErasureId, NewAuditEntry, Timestamp, UserId};

use crate::StoreError;

/// Erases users and stores the receipts, in the same store as the accounts and conversations. Audit entries are appended
/// as by [`Accounts`](crate::Accounts).
///
/// From the request of an erasure on, even after its completion, no conversation can be created or inserted for the user:
/// it is as if its id were in use. Until the completion, the account can't be changed.
///
/// Durability and cancellation are those of [`Conversations`](crate::Conversations).
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Erasures: Send + Sync {
    /// Stores the erasure and disables the account, whose version changes, in one transaction. `needs_account` says
    /// whether a user without an account is refused.
    ///
    /// A completed erasure with the same id becomes incomplete again, and keeps its counts.
    async fn request_erasure(
        &self,
        erasure: Erasure,
        needs_account: bool,
        audit: Option<NewAuditEntry>,
    ) -> Result<RequestErasureOutcome, StoreError>;

    /// Returns an erasure.
    async fn find_erasure(&self, id: ErasureId) -> Result<Option<Erasure>, StoreError>;

    /// Returns whether the erasure of the user was requested.
    async fn is_erased(&self, user_id: UserId) -> Result<bool, StoreError>;

    /// Returns at most `max` erasures whose ids are less than `before`, in descending order: the newest first.
    async fn list_erasures(
        &self,
        before: Option<ErasureId>,
        max: u32,
    ) -> Result<Vec<Erasure>, StoreError>;

    /// Leases the oldest incomplete erasure without a valid lease at `now` until `expires_at`. All steps of an erasure can
    /// be repeated, and can run concurrently.
    async fn lease_erasure(
        &self,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Option<Erasure>, StoreError>;

    /// Extends the lease of an incomplete erasure until `expires_at`.
    async fn extend_erasure_lease(
        &self,
        id: ErasureId,
        expires_at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Counts what this store has of a user. `saved_files` is 0: they are in another store.
    async fn count_stored(&self, user_id: UserId) -> Result<ErasedCounts, StoreError>;

    /// Stores what is going to be erased, unless it is stored already.
    async fn set_erased_counts(
        &self,
        id: ErasureId,
        counts: ErasedCounts,
    ) -> Result<(), StoreError>;

    /// Erases everything that this store has of a user, except the conversations that can be listed, and the audit log: the
    /// messages of deleted conversations, settings, activity, token counts, API keys, identities, documents of the Flask
    /// application and, last, the account. If it fails or is interrupted, repeating it erases the rest.
    async fn erase_stored(&self, user_id: UserId) -> Result<(), StoreError>;

    /// Overwrites everything that was erased before in the files of an embedded database: deleted rows and free pages. This
    /// may take minutes; others don't wait. If it fails or is interrupted, repeating it overwrites the rest.
    async fn overwrite_erased(&self) -> Result<(), StoreError>;

    /// Completes an erasure. A completed one stays as it is.
    async fn complete_erasure(&self, id: ErasureId, now: Timestamp) -> Result<(), StoreError>;

    /// Stores an erasure of another store unchanged, unless one with its id exists.
    async fn put_erasure(&self, erasure: Erasure) -> Result<(), StoreError>;

    /// Removes the erasures that were completed before this time.
    async fn remove_erasures_before(&self, time: Timestamp) -> Result<(), StoreError>;
}

/// The outcome of requesting an erasure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestErasureOutcome {
    /// The erasure is stored.
    Requested,
    /// The same erasure was complete, and is incomplete again.
    Repeated(Erasure),
    /// An incomplete erasure of the same user exists. Nothing was changed.
    Exists(Erasure),
    /// The erasure with this id is that of another user. Nothing was changed.
    OfAnotherUser,
    /// The user has no account. Nothing was changed.
    NotFound,
    /// No active administrator would remain. Nothing was changed.
    LastAdmin,
}

impl RequestErasureOutcome {
    /// Returns whether the request has changed anything.
    #[must_use]
    pub fn is_change(&self) -> bool {
        matches!(self, Self::Requested | Self::Repeated(_))
    }
}
