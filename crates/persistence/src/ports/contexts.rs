//! The port of what goes to the model besides the messages.

use async_trait::async_trait;
use webchat_domain::{Context, ConversationId, Timestamp, UserId};

use crate::StoreError;

/// Stores what goes to the model besides a conversation's messages.
///
/// Durability and cancellation are those of [`Conversations`](crate::Conversations). Resetting or deleting a
/// conversation also removes its context.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Contexts: Send + Sync {
    /// Returns the conversation's context, which is empty at first, or `None` if the user has no such
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

    /// Takes the conversation's compaction lease, until `until` or [`Contexts::end_compaction`].
    /// Returns `false` if another lease is valid at `now`, or there is no such conversation.
    async fn begin_compaction(
        &self,
        id: ConversationId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Extends a lease until `later`. Its current expiry time, `until`, identifies it: returns `false` if
    /// another lease has been taken since.
    async fn renew_compaction(
        &self,
        id: ConversationId,
        until: Timestamp,
        later: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Releases the lease that expires at `until`; a lease that was taken since stays.
    async fn end_compaction(&self, id: ConversationId, until: Timestamp) -> Result<(), StoreError>;
}

/// A context and its revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredContext {
    /// The context.
    pub context: Context,
    /// Rises with each replacement; 0 if the context was never written.
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
