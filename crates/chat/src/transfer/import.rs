//! Imports the conversations of a file.

use std::io::{Read, Seek};
use std::ops::ControlFlow;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};
use webchat_domain::{Timestamp, UserId};
use webchat_persistence::{StoreError, spawn_cpu_work};

use super::import_target::{ImportError, ImportTarget, run_blocking};
use super::merge::{Added, add};
use crate::formats::imported_conversation::ImportedConversation;
use crate::formats::invalid_file::InvalidImportFile;
use crate::formats::left_out::LeftOut;
use crate::formats::read_error::ReadError;
use crate::formats::reader::{self, Contents, Item};

/// The number of conversations that are read ahead while another is stored.
const READ_AHEAD: usize = 1;

/// The maximum number of conversations that all imports of this process hold in memory together. Each takes up to
/// about 200 MB while it is parsed, see [`crate::formats`].
const MAX_CONVERSATIONS_IN_MEMORY: usize = 2;

static CONVERSATIONS_IN_MEMORY: Semaphore = Semaphore::const_new(MAX_CONVERSATIONS_IN_MEMORY);

/// The owner of the imported conversations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportOwner {
    /// This user.
    User(UserId),
    /// The users that the file specifies. Only the operator may do this.
    FromFile,
}

/// The maximum number of entries that the report of an import lists.
const MAX_LISTED: usize = 100;

/// The progress of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportProgress {
    /// The number of processed conversations.
    pub processed: u64,
    /// The number of conversations in the file; 0 until they are counted.
    pub total: u64,
    /// The number of imported conversations.
    pub imported: u64,
    /// The number of conversations that already existed, and to which new messages were added.
    pub added_to: u64,
    /// The number of conversations that already existed with all of their messages, and were skipped.
    pub already_there: u64,
    /// The number of new messages.
    pub messages: u64,
    /// The number of conversations, and of messages and other parts of imported conversations, that were left out.
    pub left_out: u64,
    /// The first 100 reasons.
    pub first_left_out: Arc<Vec<LeftOut>>,
}

impl ImportProgress {
    fn add_left_out(&mut self, left_out: LeftOut) {
        self.left_out += left_out.count;
        if self.first_left_out.len() < MAX_LISTED {
            Arc::make_mut(&mut self.first_left_out).push(left_out);
        }
    }

    fn add(&mut self, outcome: &Added) {
        match outcome {
            Added::New(messages) => {
                self.imported += 1;
                self.messages += messages;
            }
            Added::Messages(messages) => {
                self.added_to += 1;
                self.messages += messages;
            }
            Added::Nothing => self.already_there += 1,
        }
    }

    /// Returns the reason why nothing came in, if something was left out.
    fn failure(&self) -> Option<InvalidImportFile> {
        let first = self.first_left_out.first()?;
        if self.imported + self.added_to + self.already_there > 0 {
            return None;
        }
        Some(InvalidImportFile { problem: first.describe() })
    }
}

/// Imports the conversations of a file. A conversation that can't be imported is left out, and listed in the progress.
/// Adds new messages to conversations that already exist, so that importing a file twice changes nothing.
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
    mut file: F,
    mut progress: impl FnMut(&ImportProgress) -> ControlFlow<()>,
) -> Result<ImportProgress, ImportError> {
    let (now, max_bytes) = (target.now, target.max_bytes);
    let permit = acquire_memory().await?;
    let open = move || (reader::open(&mut file, max_bytes), file);
    let (contents, file) = run_blocking(open).await?;
    let contents = contents?;
    let mut current = ImportProgress { total: contents.count(), ..ImportProgress::default() };
    if progress(&current).is_break() {
        return Err(ImportError::Cancelled);
    }
    let (sender, mut items) = mpsc::channel(READ_AHEAD);
    let reader = spawn_cpu_work(move || read(file, &contents, owner, now, &sender, permit));
    while let Some(next) = items.recv().await {
        match next {
            Next::LeftOut(left_out) => {
                current.processed = current.processed.max(left_out.position);
                current.add_left_out(left_out);
            }
            Next::Conversation(ReadConversation { position, user_id, conversation, permit }) => {
                // The conversation is in memory until it is stored.
                current.add(&add(target, user_id, *conversation).await?);
                current.processed = position;
                drop(permit);
            }
        }
        // A list of messages may turn out to contain several conversations.
        current.total = current.total.max(current.processed);
        if progress(&current).is_break() {
            return Err(ImportError::Cancelled);
        }
    }
    reader.await.map_err(StoreError::fault)??;
    match current.failure() {
        Some(invalid) => Err(ImportError::InvalidFile(invalid)),
        None => Ok(current),
    }
}

/// What the reader found.
enum Next {
    Conversation(ReadConversation),
    LeftOut(LeftOut),
}

/// A conversation that is waiting to be stored.
struct ReadConversation {
    /// The number of the conversation in the file, from 1.
    position: u64,
    user_id: UserId,
    conversation: Box<ImportedConversation>,
    permit: MemoryPermit,
}

type MemoryPermit = SemaphorePermit<'static>;

/// Waits until this process may hold another conversation of an import in memory.
async fn acquire_memory() -> Result<MemoryPermit, StoreError> {
    CONVERSATIONS_IN_MEMORY.acquire().await.map_err(StoreError::fault)
}

/// Sends what the file contains. Acquires a permit for each conversation before it is parsed.
fn read<F: Read + Seek>(
    file: F,
    contents: &Contents,
    owner: ImportOwner,
    now: Timestamp,
    sender: &mpsc::Sender<Next>,
    permit: MemoryPermit,
) -> Result<(), ReadError> {
    let runtime = Handle::current();
    let mut next_permit = Some(permit);
    let mut on_item = |item| {
        let next = match item {
            Item::LeftOut(left_out) => Next::LeftOut(left_out),
            Item::Conversation(position, conversation) => match owner.owner_of(&conversation) {
                Some(user_id) => {
                    let permit = next_permit.take().ok_or(ReadError::Ended)?;
                    Next::Conversation(ReadConversation { position, user_id, conversation, permit })
                }
                None => Next::LeftOut(LeftOut {
                    position,
                    conversation_id: None,
                    title: conversation.conversation.title,
                    reason: "it has no user_id, so the import needs the user".to_owned(),
                    count: 1,
                }),
            },
        };
        // If the receiver was dropped, the import has ended.
        sender.blocking_send(next).map_err(|_| ReadError::Ended)?;
        if next_permit.is_none() {
            next_permit = runtime.block_on(acquire_memory()).ok();
        }
        Ok(())
    };
    reader::read(file, contents, now, &mut on_item)
}

impl ImportOwner {
    fn owner_of(self, conversation: &ImportedConversation) -> Option<UserId> {
        match self {
            Self::User(user_id) => Some(user_id),
            Self::FromFile => conversation.user_id,
        }
    }
}
