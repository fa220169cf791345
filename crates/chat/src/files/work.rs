//! The state that all file analyses of this process share.

use std::sync::Arc;

use tokio::sync::{Notify, Semaphore};

use crate::runtime::limits::PerUserLimit;
use crate::settings::FileSettings;

/// The maximum number of files that this process analyses concurrently, which bounds their memory.
const MAX_FILES: usize = 8;

/// The state that all file analyses of this process share.
pub(super) struct FileWork {
    /// Limits the files that are analysed concurrently.
    pub(super) files: Arc<Semaphore>,
    /// Limits the uploads of each user whose files are not stored yet.
    pub(super) uploads: PerUserLimit,
    /// Limits the concurrent requests to the model.
    pub(super) requests: Semaphore,
    /// Wakes the dispatcher when a file waits for its analysis.
    pub(super) wake: Notify,
}

impl FileWork {
    pub(super) fn new(settings: &FileSettings) -> Self {
        Self {
            files: Arc::new(Semaphore::new(MAX_FILES)),
            uploads: PerUserLimit::default(),
            requests: Semaphore::new(settings.concurrency.max(1)),
            wake: Notify::new(),
        }
    }
}
