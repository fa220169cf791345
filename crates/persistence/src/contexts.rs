use async_trait::async_trait;
use webchat_domain::{Context, ConversationId, Timestamp, UserId};

use crate::StoreError;

/// Where it is kept what goes to the model beside a conversation's messages.
///
/// Durability and cancellation are those of [`Conversations`](crate::Conversations). A conversation
/// that is reset or deleted loses its context with its messages.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Contexts: Send + Sync {
    /// The conversation's context, empty at first. `None`: `user_id` has no such conversation.
    async fn context(
        &self,
        user_id: UserId,
        id: ConversationId,
    ) -> Result<Option<StoredContext>, StoreError>;

    /// Keeps another context in place of the one with this revision.
    async fn replace_context(
        &self,
        user_id: UserId,
        id: ConversationId,
        context: Context,
        expected_revision: u64,
    ) -> Result<ReplaceContextOutcome, StoreError>;

    /// Takes the right to write the conversation's summary, until `until` or
    /// [`Contexts::end_compaction`]. `false`: somebody else has it at `now`, or there is no such
    /// conversation.
    async fn begin_compaction(
        &self,
        id: ConversationId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Has the right that was taken until `until` until `later` instead. `false`: somebody else has taken
    /// it since.
    async fn renew_compaction(
        &self,
        id: ConversationId,
        until: Timestamp,
        later: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Gives back the right that was taken until `until`; one that somebody else has taken since is
    /// left alone.
    async fn end_compaction(&self, id: ConversationId, until: Timestamp) -> Result<(), StoreError>;
}

/// A context as it is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredContext {
    /// The context.
    pub context: Context,
    /// Rises with each replacement; 0 for one that was never written.
    pub revision: u64,
}

/// What became of a replacement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplaceContextOutcome {
    /// It is stored, under this revision.
    Stored {
        /// The new revision.
        revision: u64,
    },
    /// Another one was stored meanwhile: nothing was changed.
    Conflict,
    /// The owner has no such conversation.
    NotFound,
}
