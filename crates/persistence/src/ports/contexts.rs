//! The port of contexts.

use async_trait::async_trait;
use webchat_domain::{Context, ConversationId, Timestamp, UserId};

use crate::StoreError;

/// Stores the contexts of conversations: everything that is sent to the model in addition to the messages.
///
/// Durability and cancellation are those of [`Conversations`](crate::Conversations). Resetting or deleting a
/// conversation also removes its context.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Contexts: Send + Sync {
    /// Returns the conversation's context, which is empty until it is replaced, or `None` if the user has no such
    /// conversation.
    async fn context(
        &self,
        user_id: UserId,
        id: ConversationId,
    ) -> Result<Option<StoredContext>, StoreError>;

    /// Replaces the context if it still has the expected revision.
    async fn replace_context(
        &self,
        user_id: UserId,
        id: ConversationId,
        context: Context,
        expected_revision: u64,
    ) -> Result<ReplaceContextOutcome, StoreError>;

    /// Acquires the conversation's compaction lease until `until`, or until [`Contexts::release_compaction_lease`] is called.
    /// Returns `false` if another lease is valid at `now`, or there is no such conversation.
    async fn acquire_compaction_lease(
        &self,
        id: ConversationId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Extends a lease until `later`. The lease is identified by its current expiry time, `until`: returns `false` if
    /// another lease has been acquired since.
    async fn renew_compaction_lease(
        &self,
        id: ConversationId,
        until: Timestamp,
        later: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Releases the lease that expires at `until`. A lease that was acquired since stays.
    async fn release_compaction_lease(
        &self,
        id: ConversationId,
        until: Timestamp,
    ) -> Result<(), StoreError>;
}

/// A context and its revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredContext {
    /// The context.
    pub context: Context,
    /// The revision, which increases with each replacement; 0 if the context was never written.
    pub revision: u64,
}

/// The outcome of a replacement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplaceContextOutcome {
    /// The context is stored.
    Stored {
        /// The new revision.
        revision: u64,
    },
    /// The context has another revision; nothing was changed.
    Conflict,
    /// The user has no such conversation.
    NotFound,
}
