use async_trait::async_trait;
use webchat_domain::{
    ClientMessageId, Context, Conversation, ConversationId, FileJob, JobId, Message, MessageId,
    UserId,
};

use crate::{FileText, StoreError};

/// Everything that a store of conversations holds, whoever owns it: to move it into another one.
///
/// For the operator's commands alone, while no server uses the store: no owner is asked for.
#[async_trait]
pub trait Transfer: Send + Sync {
    /// How much there is.
    async fn totals(&self) -> Result<Totals, StoreError>;

    /// Conversations of all owners by their ids, behind `after`, at most `limit`.
    async fn conversations_after(
        &self,
        after: Option<ConversationId>,
        limit: u32,
    ) -> Result<Vec<StoredConversation>, StoreError>;

    /// A conversation's messages, on the visible path or not, by their positions, behind `after`, at
    /// most `limit`.
    async fn messages_after(
        &self,
        id: ConversationId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<StoredMessage>, StoreError>;

    /// Stores a conversation as it is, in place of one with its id, whose messages stay. Doing it
    /// again changes nothing.
    async fn put_conversation(&self, conversation: StoredConversation) -> Result<(), StoreError>;

    /// Stores messages as they are, each in place of one with its id, without counting them into
    /// their conversation, which must be there. Doing it again changes nothing.
    async fn put_messages(
        &self,
        user_id: UserId,
        messages: Vec<StoredMessage>,
    ) -> Result<(), StoreError>;

    /// A conversation's files, by their ids, behind `after`, at most `limit`.
    async fn file_jobs_after(
        &self,
        id: ConversationId,
        after: Option<JobId>,
        limit: u32,
    ) -> Result<Vec<StoredFileJob>, StoreError>;

    /// Stores a file as it is, held by nobody, in place of one with its id. Its conversation must be
    /// there. Doing it again changes nothing.
    async fn put_file_job(&self, job: StoredFileJob) -> Result<(), StoreError>;
}

/// How much a store holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    /// Conversations.
    pub conversations: u64,
    /// Messages, on the visible path or not.
    pub messages: u64,
}

/// All of a conversation but its messages and the turn that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredConversation {
    /// Whose it is.
    pub user_id: UserId,
    /// What users see of it.
    pub conversation: Conversation,
    /// The message that the next one follows.
    pub head: Option<MessageId>,
    /// The last position that was given: the next message gets the one behind it.
    pub last_position: u64,
    /// What goes to the model beside the messages.
    pub context: Context,
}

/// All of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFileJob {
    /// Whose it is.
    pub user_id: UserId,
    /// What users see of it.
    pub job: FileJob,
    /// What is needed to go on with it; `None` when it has ended for good.
    pub text: Option<FileText>,
}

/// All of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredMessage {
    /// What users see of it.
    pub message: Message,
    /// The name its sender gave it.
    pub client_message_id: Option<ClientMessageId>,
    /// Whether it is on the path that the user sees.
    pub active: bool,
}
