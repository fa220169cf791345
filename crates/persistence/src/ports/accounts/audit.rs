//! The port of the audit log.

use async_trait::async_trait;
use webchat_domain::{
    AccountName, AuditActionKind, AuditEntry, AuditLink, NewAuditEntry, Timestamp,
};

use crate::StoreError;

/// Stores the audit log, in the same store as the accounts. Entries are appended, and removed only when they are old.
///
/// What [`Accounts`](crate::Accounts) and [`ApiKeys`](crate::ApiKeys) change is recorded in the same transaction. Each
/// entry that an adapter has appended is passed to [`publish_audit_entry`](crate::publish_audit_entry).
///
/// Durability and cancellation are those of [`Conversations`](crate::Conversations).
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Appends an entry, and returns it. Concurrent calls get successive numbers.
    async fn append(&self, entry: NewAuditEntry) -> Result<AuditEntry, StoreError>;

    /// Returns at most `max` of the entries that match a filter, the newest first, whose numbers are less than `before`.
    async fn list(
        &self,
        filter: AuditFilter,
        before: Option<u64>,
        max: u32,
    ) -> Result<Vec<AuditEntry>, StoreError>;

    /// Returns at most `max` entries whose numbers are at least `number`, in their order. An entry that was changed to
    /// something invalid is [`StoreError::Fault`].
    async fn read_from(&self, number: u64, max: u32) -> Result<Vec<AuditEntry>, StoreError>;

    /// Returns both ends of the chain of hashes.
    async fn chain(&self) -> Result<AuditChain, StoreError>;

    /// Removes at most `max` of the first entries: those before the first one that is not older than `time`. The chain
    /// then starts after the last removed entry. Returns the number of removed entries.
    async fn remove_before(&self, time: Timestamp, max: u32) -> Result<u32, StoreError>;

    /// Stores entries of another store unchanged. The first of them must follow `after`, the last entry of this store. In
    /// a store that has never had an entry, the chain then starts after `after`. Returns `false`, and stores nothing, if
    /// the last entry is another one.
    async fn insert(&self, after: AuditLink, entries: Vec<AuditEntry>) -> Result<bool, StoreError>;
}

/// Which entries are listed. `None` matches all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only those in which a user with this name is the actor or the subject.
    pub user: Option<AccountName>,
    /// Only those that record this.
    pub action: Option<AuditActionKind>,
    /// Only those from this time on.
    pub from: Option<Timestamp>,
    /// Only those before this time.
    pub until: Option<Timestamp>,
}

/// Both ends of the chain of hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditChain {
    /// The last removed entry; [`AuditLink::START`] if there is none.
    pub start: AuditLink,
    /// The last entry.
    pub head: AuditLink,
}

impl AuditChain {
    /// The chain of a log that has never had an entry.
    pub const EMPTY: Self = Self { start: AuditLink::START, head: AuditLink::START };
}
