use async_trait::async_trait;
use webchat_domain::{ConversationId, UserId};

use crate::{Cursor, StoreError, StoredConversation, StoredMessage};

/// Whole conversations, for their owner to take away and to bring.
///
/// Durability and cancellation are those of [`Conversations`](crate::Conversations).
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Exchange: Send + Sync {
    /// All of `user_id`'s conversations by when they were started, oldest first, behind `after`, at most
    /// `limit`.
    async fn conversations_of(
        &self,
        user_id: UserId,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Vec<StoredConversation>, StoreError>;

    /// The conversation, if it is `user_id`'s.
    async fn conversation_of(
        &self,
        user_id: UserId,
        id: ConversationId,
    ) -> Result<Option<StoredConversation>, StoreError>;

    /// A conversation's messages, on the visible path or not, by their positions, behind `after`, at
    /// most `limit`. `None`: `user_id` has no such conversation.
    async fn messages_of(
        &self,
        user_id: UserId,
        id: ConversationId,
        after: u64,
        limit: u32,
    ) -> Result<Option<Vec<StoredMessage>>, StoreError>;

    /// Stores a new conversation with all of its messages, which nobody sees before all of it is there.
    /// `false`: its id is in use, whoever's it is, and nothing was changed.
    ///
    /// The ids of the messages must be used by no other conversation.
    async fn add_whole(
        &self,
        conversation: StoredConversation,
        messages: Vec<StoredMessage>,
    ) -> Result<bool, StoreError>;
}
