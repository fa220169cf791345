//! Imports the conversations of a file.

use std::io::{Read, Seek};
use std::ops::ControlFlow;
use std::sync::Arc;

use thiserror::Error;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};
use tokio::task::JoinError;
use webchat_domain::{Timestamp, UserId};
use webchat_persistence::{ConversationTransfer, StoreError, spawn_cpu_work};
use webchat_tokens::TokenCounter;

use crate::error::ChatError;
use crate::formats::imported_conversation::ImportedConversation;
use crate::formats::invalid_file::InvalidImportFile;
use crate::formats::read_error::ReadError;
use crate::formats::reader;
use crate::runtime::storage_quota::StorageQuota;

/// The number of conversations that are read ahead while another is stored.
const READ_AHEAD: usize = 1;

/// The maximum number of conversations that all imports of this process hold in memory together. Each takes up to
/// about 200 MB while it is parsed, see [`crate::formats`].
const MAX_CONVERSATIONS_IN_MEMORY: usize = 2;

static CONVERSATIONS_IN_MEMORY: Semaphore = Semaphore::const_new(MAX_CONVERSATIONS_IN_MEMORY);

/// The target of an import.
#[derive(Clone)]
pub struct ImportTarget {
    /// The store.
    pub transfer: Arc<dyn ConversationTransfer>,
    /// The counter for the tokens of the texts.
    pub tokens: TokenCounter,
    /// The time of conversations and messages without a time in the file.
    pub now: Timestamp,
    /// The limit on the stored bytes. `None` means no limit.
    pub quota: Option<StorageQuota>,
}

/// The owner of the imported conversations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportOwner {
    /// This user.
    User(UserId),
    /// The users that the file specifies. Only the operator may do this.
    FromFile,
}

/// The progress of an import.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportProgress {
    /// The number of processed conversations.
    pub processed: u64,
    /// The number of conversations in the file; 0 until they are counted.
    pub total: u64,
    /// The number of imported conversations.
    pub imported: u64,
    /// The number of conversations that already existed and were skipped.
    pub already_there: u64,
    /// The number of messages of the imported conversations.
    pub messages: u64,
}

/// The reason why an import ended early.
#[derive(Debug, Error)]
pub enum ImportError {
    /// The file is invalid. Nothing was imported.
    #[error(transparent)]
    InvalidFile(#[from] InvalidImportFile),
    /// The file can't be read. The conversations imported so far are kept.
    #[error("failed to read the file")]
    Io(#[source] std::io::Error),
    /// The store failed. The conversations imported so far are kept, and importing the file again continues the
    /// import.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The user's storage limit is reached. The conversations imported so far are kept.
    #[error(transparent)]
    StorageFull(ChatError),
    /// The import was cancelled. The conversations imported so far are kept, and importing the file again continues
    /// the import.
    #[error("the import was cancelled")]
    Cancelled,
}

/// Imports the conversations of a file. Validates the complete file before it stores the first conversation. Skips
/// conversations that already exist, so that importing a file twice changes nothing.
///
/// All imports of the process together hold at most two conversations of bounded size in memory, regardless of the
/// file sizes. Calls `progress` after each conversation; its result can cancel the import.
///
/// # Cancellation
/// If the future is dropped, the conversations imported so far are kept.
///
/// # Errors
/// See [`ImportError`].
pub async fn import<F: Read + Seek + Send + 'static>(
    target: &ImportTarget,
    owner: ImportOwner,
    file: F,
    mut progress: impl FnMut(ImportProgress) -> ControlFlow<()>,
) -> Result<ImportProgress, ImportError> {
    let now = target.now;
    let permit = acquire_memory().await?;
    let (count, file) = run_blocking(move || check(file, owner, now)).await?;
    let mut current = ImportProgress { total: count?, ..ImportProgress::default() };
    if progress(current).is_break() {
        return Err(ImportError::Cancelled);
    }
    let (sender, mut conversations) = mpsc::channel(READ_AHEAD);
    let reader = spawn_cpu_work(move || read(file, owner, now, &sender, permit));
    while let Some(next) = conversations.recv().await {
        // The conversation is in memory until it is stored.
        let ReadConversation { user_id, conversation, permit } = next;
        match add(target, user_id, conversation).await? {
            Some(messages) => {
                current.imported += 1;
                current.messages += messages;
            }
            None => current.already_there += 1,
        }
        drop(permit);
        current.processed += 1;
        if progress(current).is_break() {
            return Err(ImportError::Cancelled);
        }
    }
    reader.await.map_err(StoreError::fault)??;
    Ok(current)
}

/// A conversation that is waiting to be stored.
struct ReadConversation {
    user_id: UserId,
    conversation: ImportedConversation,
    permit: MemoryPermit,
}

type MemoryPermit = SemaphorePermit<'static>;

/// Waits until this process may hold another conversation of an import in memory.
async fn acquire_memory() -> Result<MemoryPermit, StoreError> {
    CONVERSATIONS_IN_MEMORY.acquire().await.map_err(StoreError::fault)
}

/// Sends all conversations of the file. Acquires a permit for each one before it is parsed.
fn read<F: Read + Seek>(
    file: F,
    owner: ImportOwner,
    now: Timestamp,
    sender: &mpsc::Sender<ReadConversation>,
    permit: MemoryPermit,
) -> Result<(), ReadError> {
    let runtime = Handle::current();
    let mut next_permit = Some(permit);
    let mut on_conversation = |conversation| {
        let user_id = owner.owner_of(&conversation)?;
        let permit = next_permit.take().ok_or_else(String::new)?;
        // If the receiver was dropped, the import has ended.
        let read = ReadConversation { user_id, conversation, permit };
        sender.blocking_send(read).map_err(|_| String::new())?;
        next_permit = runtime.block_on(acquire_memory()).ok();
        Ok(())
    };
    reader::read(file, now, &mut on_conversation).map(drop)
}

impl ImportOwner {
    fn owner_of(self, conversation: &ImportedConversation) -> Result<UserId, String> {
        match self {
            Self::User(user_id) => Ok(user_id),
            Self::FromFile => conversation.user_id.ok_or_else(|| "it has no user_id".to_owned()),
        }
    }
}

/// Validates the complete file, and returns the number of its conversations.
fn check<F: Read + Seek>(
    mut file: F,
    owner: ImportOwner,
    now: Timestamp,
) -> (Result<u64, ReadError>, F) {
    let mut on_conversation =
        |conversation: ImportedConversation| owner.owner_of(&conversation).map(drop);
    let count = reader::read(&mut file, now, &mut on_conversation);
    (count, file)
}

/// Stores a conversation, and returns the number of its messages. Returns `None` if it already exists.
async fn add(
    target: &ImportTarget,
    user_id: UserId,
    imported: ImportedConversation,
) -> Result<Option<u64>, ImportError> {
    for id in imported.candidate_ids(user_id) {
        if target.transfer.conversation_of(user_id, id).await?.is_some() {
            return Ok(None);
        }
    }
    if let Some(quota) = &target.quota {
        quota.reserve(user_id, imported.bytes()).await.map_err(ImportError::StorageFull)?;
    }
    let tokens = target.tokens;
    let (conversation, messages) =
        run_blocking(move || imported.assign_to(user_id, |text| tokens.count(text))).await?;
    let count = u64::try_from(messages.len()).unwrap_or(u64::MAX);
    let is_new = target.transfer.insert_with_messages(conversation, messages).await?;
    Ok(is_new.then_some(count))
}

async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ImportError> {
    spawn_cpu_work(work).await.map_err(ImportError::from)
}

impl From<JoinError> for ImportError {
    fn from(error: JoinError) -> Self {
        Self::Store(StoreError::fault(error))
    }
}

impl From<ReadError> for ImportError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Invalid(invalid) => Self::InvalidFile(invalid),
            ReadError::Io(error) => Self::Io(error),
        }
    }
}

impl From<ImportError> for ChatError {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::InvalidFile(invalid) => Self::InvalidImport(invalid),
            ImportError::Io(error) => StoreError::unavailable(error).into(),
            ImportError::Store(error) => error.into(),
            ImportError::StorageFull(error) => error,
            ImportError::Cancelled => Self::ShuttingDown,
        }
    }
}
