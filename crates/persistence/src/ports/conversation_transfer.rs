//! The port of complete conversations, for export, import and copies.

use async_trait::async_trait;
use webchat_domain::{
    ClientMessageId, Context, Conversation, ConversationId, FileJob, JobId, Message, MessageId,
    UserId,
};

use crate::{Cursor, FileAnalysis, StoreError};

/// Reads and writes complete conversations, so that users can export and import theirs, and the operator can copy
/// everything to another store.
///
/// Methods without a user id are only for the operator's commands. Methods named `put_…` are only for a store that no
/// server is using.
///
/// Durability and cancellation are those of [`Conversations`](crate::Conversations).
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait ConversationTransfer: Send + Sync {
    /// Counts the conversations and messages in the store.
    async fn totals(&self) -> Result<Totals, StoreError>;

    /// Returns the size of the user's conversations in bytes: their texts, and a constant for each conversation and
    /// message. Hidden messages count until they are deleted.
    async fn stored_bytes_of(&self, user_id: UserId) -> Result<u64, StoreError>;

    /// Returns the bytes that the database uses for all users.
    async fn stored_bytes(&self) -> Result<u64, StoreError>;

    /// Returns at most `limit` of the user's conversations that come after `after`, ordered by
    /// creation time, oldest first.
    async fn conversations_of(
        &self,
        user_id: UserId,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Vec<StoredConversation>, StoreError>;

    /// Returns at most `limit` conversations of all users that come after `after`, ordered by id.
    async fn conversations_after(
        &self,
        after: Option<ConversationId>,
        limit: u32,
    ) -> Result<Vec<StoredConversation>, StoreError>;

    /// Returns `None` if the user has no such conversation.
    async fn conversation_of(
        &self,
        user_id: UserId,
        id: ConversationId,
    ) -> Result<Option<StoredConversation>, StoreError>;

    /// Returns at most `limit` of a conversation's messages after position `after`, on the visible
    /// path or not, ordered by position. Returns fewer, but at least one, if they have
    /// [`MAX_PAGE_BYTES`](crate::rules::MAX_PAGE_BYTES) of text. Returns `None` if the user has no such
    /// conversation.
    async fn messages_of(
        &self,
        user_id: UserId,
        id: ConversationId,
        after: u64,
        limit: u32,
    ) -> Result<Option<Vec<StoredMessage>>, StoreError>;

    /// Stores a new conversation with all of its messages. Other methods don't see it until it is complete.
    /// Returns `false` and changes nothing if its id is in use, by any user, or the user was erased.
    ///
    /// The ids of the messages must be used by no other conversation.
    async fn insert_with_messages(
        &self,
        conversation: StoredConversation,
        messages: Vec<StoredMessage>,
    ) -> Result<bool, StoreError>;

    /// Adds messages to a conversation, after its last one. Each comes after its parent, which may be an existing
    /// message. Those that are active and continue the visible path are shown; the others become hidden versions, as
    /// do all of them while a turn runs. Existing messages are unchanged, and messages with their ids are ignored.
    /// Returns the number of added messages; 0 if the user has no such conversation. A long list is added in steps: if
    /// the call is interrupted, repeating it adds the rest.
    async fn add_messages(
        &self,
        user_id: UserId,
        id: ConversationId,
        messages: Vec<StoredMessage>,
    ) -> Result<u64, StoreError>;

    /// Stores a conversation unchanged. Replaces a conversation with the same id, but keeps its messages. Idempotent.
    async fn put_conversation(&self, conversation: StoredConversation) -> Result<(), StoreError>;

    /// Stores messages unchanged. Each replaces a message with the same id. The counts of their conversation, which
    /// must exist, don't change. Idempotent.
    async fn put_messages(
        &self,
        user_id: UserId,
        messages: Vec<StoredMessage>,
    ) -> Result<(), StoreError>;

    /// Returns at most `limit` of a conversation's file jobs that come after `after`, ordered by id.
    async fn file_jobs_after(
        &self,
        id: ConversationId,
        after: Option<JobId>,
        limit: u32,
    ) -> Result<Vec<StoredFileJob>, StoreError>;

    /// Stores a file job unchanged, without a lease. Replaces a job with the same id. Its conversation must exist.
    /// Idempotent.
    async fn put_file_job(&self, job: StoredFileJob) -> Result<(), StoreError>;
}

/// The size of a store's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    /// The number of conversations.
    pub conversations: u64,
    /// The number of messages, visible or not.
    pub messages: u64,
}

/// A complete conversation, except for its messages and its turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredConversation {
    /// The user it belongs to.
    pub user_id: UserId,
    /// The part that users see.
    pub conversation: Conversation,
    /// The last message of the visible path, the parent of the next one.
    pub head: Option<MessageId>,
    /// The last position that was assigned.
    pub last_position: u64,
    /// Its context.
    pub context: Context,
}

/// A complete file job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFileJob {
    /// The user it belongs to.
    pub user_id: UserId,
    /// The part that users see.
    pub job: FileJob,
    /// The text, and the analyses that are needed to continue the job; `None` if the text is not kept.
    pub text: Option<FileAnalysis>,
}

/// A complete message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredMessage {
    /// The part that users see.
    pub message: Message,
    /// The client's id for it.
    pub client_message_id: Option<ClientMessageId>,
    /// Whether it is on the visible path.
    pub active: bool,
}
