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
use crate::formats::imported::ImportedConversation;
use crate::formats::invalid_file::InvalidImportFile;
use crate::formats::read_error::ReadError;
use crate::formats::reader;
use crate::runtime::storage_quota::StorageQuota;

/// The number of conversations that are read ahead while another is stored.
const READ_AHEAD: usize = 1;

/// The maximum number of conversations that all imports of this process have in memory. Each takes up to about 200 MB
/// while it is parsed, see [`crate::formats`].
const MAX_CONVERSATIONS_IN_MEMORY: usize = 2;

static CONVERSATIONS_IN_MEMORY: Semaphore = Semaphore::const_new(MAX_CONVERSATIONS_IN_MEMORY);

/// Where conversations are imported to.
#[derive(Clone)]
pub struct ImportTarget {
    /// The store.
    pub transfer: Arc<dyn ConversationTransfer>,
    /// Counts the tokens of the texts.
    pub tokens: TokenCounter,
    /// The time of conversations and messages that have no time in the file.
    pub now: Timestamp,
    /// Limits what the users may store. `None` means no limit.
    pub quota: Option<StorageQuota>,
}

/// Who owns the imported conversations.
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
    /// Conversations that were processed.
    pub processed: u64,
    /// Conversations in the file; 0 until they are counted.
    pub total: u64,
    /// Conversations that were imported.
    pub imported: u64,
    /// Conversations that existed already and were left unchanged.
    pub already_there: u64,
    /// Messages of the imported conversations.
    pub messages: u64,
}

/// Why an import ended early.
#[derive(Debug, Error)]
pub enum ImportError {
    /// The file is invalid. Nothing was imported.
    #[error(transparent)]
    InvalidFile(#[from] InvalidImportFile),
    /// The file can't be read. The imported conversations stay.
    #[error("the file can't be read")]
    Io(#[source] std::io::Error),
    /// The store failed. The imported conversations stay, and importing the file again continues the import.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The user may not store more. The imported conversations stay.
    #[error(transparent)]
    StorageFull(ChatError),
    /// The import was cancelled. The imported conversations stay, and importing the file again continues the
    /// import.
    #[error("the import was cancelled")]
    Cancelled,
}

/// Imports the conversations of a file. Validates the complete file before it stores the first conversation.
/// Skips conversations that exist already, so that importing a file twice changes nothing.
///
/// All imports of the process together have at most two conversations in memory, whose sizes are bounded, regardless of
/// the files' sizes. Calls `progress` after each conversation; its result can cancel the import.
///
/// # Cancellation
/// If the future is dropped, the imported conversations stay.
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

/// A conversation that waits to be stored.
struct ReadConversation {
    user_id: UserId,
    conversation: ImportedConversation,
    permit: MemoryPermit,
}

type MemoryPermit = SemaphorePermit<'static>;

/// Waits until this process may have another conversation of an import in memory.
async fn acquire_memory() -> Result<MemoryPermit, StoreError> {
    CONVERSATIONS_IN_MEMORY.acquire().await.map_err(StoreError::fault)
}

/// Sends all conversations of the file. Takes a permit for the next one before it is parsed.
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
        // If the receiver is gone, the import has ended.
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

/// Stores a conversation, and returns the number of its messages. Returns `None` if it exists already.
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
