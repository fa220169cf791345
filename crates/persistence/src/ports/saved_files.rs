//! The port of saved files.

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use webchat_domain::UserId;

use crate::StoreError;

/// Stores the files in which users save conversations.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait SavedFiles: Send + Sync {
    /// Stores a new file of the user. An existing file with this name is not replaced. The server generates the name,
    /// which contains no path. If the call fails, is cancelled or returns [`SaveOutcome::TooLarge`], no file remains,
    /// unless the process dies before the file is removed.
    async fn save(
        &self,
        user_id: UserId,
        name: &str,
        max_bytes: u64,
        content: FileContent,
    ) -> Result<SaveOutcome, StoreError>;

    /// Returns the file, or `None` if the user has no such file. Files of older versions have no user: the caller
    /// checks that the user may read this name.
    async fn read(&self, user_id: UserId, name: &str) -> Result<Option<SavedFile>, StoreError>;

    /// Returns how many files the user has, and how large they are. Files of older versions are not counted.
    async fn usage(&self, user_id: UserId) -> Result<SavedFilesUsage, StoreError>;

    /// Returns the size of all users' files in bytes, including files of older versions. The cost grows with the number
    /// of files.
    async fn stored_bytes(&self) -> Result<u64, StoreError>;

    /// Deletes the user's files whose names end with `suffix`, including files of older versions. The caller checks that
    /// the user may delete them. Idempotent.
    async fn delete(&self, user_id: UserId, suffix: &str) -> Result<(), StoreError>;

    /// Deletes all files of the user, except files of older versions. Idempotent.
    async fn delete_all(&self, user_id: UserId) -> Result<(), StoreError>;
}

/// The content of a file, in chunks. An incomplete content ends with an error.
pub type FileContent = BoxStream<'static, Result<Vec<u8>, StoreError>>;

/// A file that is being read.
pub struct SavedFile {
    /// The size of the content.
    pub bytes: u64,
    /// The content.
    pub content: FileContent,
}

/// The outcome of saving a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaveOutcome {
    /// The file is stored.
    Saved,
    /// The user has a file with this name.
    NameTaken,
    /// The content is larger than the maximum.
    TooLarge,
}

/// The number and the size of a user's saved files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SavedFilesUsage {
    /// The number of files.
    pub files: usize,
    /// The size of their contents in bytes.
    pub bytes: u64,
}
