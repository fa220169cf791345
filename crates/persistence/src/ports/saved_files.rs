//! The port of saved files.

use async_trait::async_trait;

use crate::StoreError;

/// Stores the files that users have saved of their conversations.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait SavedFiles: Send + Sync {
    /// Stores a new file. Returns `false` if there is one with this name, which stays as it is. The name is
    /// made by the server and contains no path.
    async fn save(&self, name: &str, content: Vec<u8>) -> Result<bool, StoreError>;

    /// Returns the file's content, or `None` if there is no such file.
    async fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError>;
}
