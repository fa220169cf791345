//! The port of saved files.

use async_trait::async_trait;
use webchat_domain::UserId;

use crate::StoreError;

/// Stores the files that users have saved of their conversations.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait SavedFiles: Send + Sync {
    /// Stores a new file of the user. Returns `false` if there is one with this name, which stays as it is. The
    /// name is made by the server and contains no path.
    async fn save(&self, user_id: UserId, name: &str, content: Vec<u8>)
    -> Result<bool, StoreError>;

    /// Returns the file's content, or `None` if the user has no such file. Files of older versions have no user: the
    /// caller checks that the user may read this name.
    async fn read(&self, user_id: UserId, name: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Returns how many files the user has, and how large they are. Files of older versions are not counted.
    async fn usage(&self, user_id: UserId) -> Result<SavedFilesUsage, StoreError>;

    /// Deletes the user's files whose names end with `suffix`, also those of older versions. The caller checks that
    /// the user may delete them. Idempotent.
    async fn delete(&self, user_id: UserId, suffix: &str) -> Result<(), StoreError>;
}

/// The number and the size of a user's saved files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SavedFilesUsage {
    /// The number of files.
    pub files: usize,
    /// The bytes of their contents.
    pub bytes: u64,
}
