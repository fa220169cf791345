//! What an import writes to, and why it ends early.

use std::sync::Arc;

use thiserror::Error;
use tokio::task::JoinError;
use webchat_domain::Timestamp;
use webchat_persistence::{ConversationTransfer, StoreError, spawn_cpu_work};
use webchat_tokens::TokenCounter;

use crate::error::ChatError;
use crate::formats::invalid_file::InvalidImportFile;
use crate::formats::read_error::ReadError;
use crate::runtime::storage_quota::StorageQuota;

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
    /// The maximum unpacked size of an archive, in bytes.
    pub max_bytes: u64,
}

/// The reason why an import ended early.
#[derive(Debug, Error)]
pub enum ImportError {
    /// Nothing in the file can be imported.
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

pub(super) async fn run_blocking<T: Send + 'static>(
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
            ReadError::Ended => Self::Cancelled,
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
