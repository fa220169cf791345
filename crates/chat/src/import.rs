use std::io::{Read, Seek};
use std::ops::ControlFlow;
use std::sync::Arc;

use thiserror::Error;
use tokio::sync::mpsc;
use tokio::task::{JoinError, spawn_blocking};
use webchat_domain::{Timestamp, UserId};
use webchat_persistence::{ConversationArchive, StoreError};
use webchat_tokens::TokenCounter;

use crate::exchange::Brought;
use crate::exchange::reading::{self, InvalidImportFile, ReadError};

/// Conversations that were read and wait to be stored.
const READ_AHEAD: usize = 1;

/// Where conversations are brought to.
#[derive(Clone)]
pub struct ImportTarget {
    /// The store.
    pub archive: Arc<dyn ConversationArchive>,
    /// How tokens are counted.
    pub tokens: TokenCounter,
    /// The time for what has none in the file.
    pub now: Timestamp,
}

/// Whose the conversations of a file become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportOwner {
    /// This user's.
    User(UserId),
    /// Those users' whom the file names: for the operator alone.
    FromFile,
}

/// How far an import is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportProgress {
    /// Conversations that were dealt with.
    pub done: u64,
    /// Conversations of the file; 0 until they are counted.
    pub of: u64,
    /// Those that are new here.
    pub imported: u64,
    /// Those that were here already, and stayed as they are.
    pub already_there: u64,
    /// Messages of the new ones.
    pub messages: u64,
}

/// Why an import ended early.
#[derive(Debug, Error)]
pub enum ImportError {
    /// The file can't be understood: nothing was imported.
    #[error(transparent)]
    InvalidFile(#[from] InvalidImportFile),
    /// The file can't be read. What was imported stays.
    #[error("the file can't be read")]
    Io(#[source] std::io::Error),
    /// The store fails. What was imported stays; importing the file again goes on with the rest.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It was told to stop. What was imported stays; importing the file again goes on with the rest.
    #[error("the import was ended")]
    Cancelled,
}

/// Brings the conversations of a file. The whole file is checked before anything is stored; importing it
/// again stores nothing twice, and changes nothing that is here.
///
/// At most four conversations are in memory at a time, whatever the file's size. `progress` is told
/// after each, and can end the import. Where the future is dropped, what was imported stays.
///
/// # Errors
/// See [`ImportError`].
pub async fn import<F: Read + Seek + Send + 'static>(
    into: &ImportTarget,
    user_id: ImportOwner,
    file: F,
    mut progress: impl FnMut(ImportProgress) -> ControlFlow<()>,
) -> Result<ImportProgress, ImportError> {
    let now = into.now;
    let (checked, file) = blocking(move || check(file, user_id, now)).await?;
    let mut so_far = ImportProgress { of: checked?, ..ImportProgress::default() };
    if progress(so_far).is_break() {
        return Err(ImportError::Cancelled);
    }
    let (sender, mut brought) = mpsc::channel(READ_AHEAD);
    let reading = spawn_blocking(move || {
        let mut take = |brought| {
            let one = (user_id.of(&brought)?, brought);
            // Nobody takes any more: the import has ended.
            sender.blocking_send(one).map_err(|_| String::new())
        };
        reading::read(file, now, &mut take)
    });
    while let Some((user_id, one)) = brought.recv().await {
        match add(into, user_id, one).await? {
            Some(messages) => {
                so_far.imported += 1;
                so_far.messages += messages;
            }
            None => so_far.already_there += 1,
        }
        so_far.done += 1;
        if progress(so_far).is_break() {
            return Err(ImportError::Cancelled);
        }
    }
    reading.await.map_err(StoreError::fault)??;
    Ok(so_far)
}

impl ImportOwner {
    fn of(self, brought: &Brought) -> Result<UserId, String> {
        match self {
            Self::User(user_id) => Ok(user_id),
            Self::FromFile => {
                brought.user_id.ok_or_else(|| "it does not say whose it is (user_id)".to_owned())
            }
        }
    }
}

/// Reads all of the file: how many conversations it has.
fn check<F: Read + Seek>(
    mut file: F,
    user_id: ImportOwner,
    now: Timestamp,
) -> (Result<u64, ReadError>, F) {
    let mut take = |brought: Brought| user_id.of(&brought).map(drop);
    let checked = reading::read(&mut file, now, &mut take);
    (checked, file)
}

/// Stores the conversation: how many messages it has. `None`: it is here.
async fn add(
    into: &ImportTarget,
    user_id: UserId,
    brought: Brought,
) -> Result<Option<u64>, ImportError> {
    for id in brought.ids_of(user_id) {
        if into.archive.conversation_of(user_id, id).await?.is_some() {
            return Ok(None);
        }
    }
    let tokens = into.tokens;
    let (conversation, messages) =
        blocking(move || brought.adopted_by(user_id, |text| tokens.count(text))).await?;
    let count = u64::try_from(messages.len()).unwrap_or(u64::MAX);
    let is_new = into.archive.insert_with_messages(conversation, messages).await?;
    Ok(is_new.then_some(count))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ImportError> {
    spawn_blocking(work).await.map_err(ImportError::from)
}

impl From<JoinError> for ImportError {
    fn from(error: JoinError) -> Self {
        Self::Store(StoreError::fault(error))
    }
}

impl From<ReadError> for ImportError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Broken(broken) => Self::InvalidFile(broken),
            ReadError::Io(error) => Self::Io(error),
        }
    }
}
