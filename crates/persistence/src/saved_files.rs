use async_trait::async_trait;

use crate::StoreError;

/// Where files are kept that users had made of their conversations.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait SavedFiles: Send + Sync {
    /// Keeps a new file. `false`: there is one of this name, which stays as it is. The name is one of
    /// ours, without a path.
    async fn save(&self, name: &str, content: Vec<u8>) -> Result<bool, StoreError>;

    /// The file's content, if there is one of this name.
    async fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError>;
}
