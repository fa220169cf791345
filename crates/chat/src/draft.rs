use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Growth after which an answer is kept without waiting for the time to come: so many bytes, or this
/// part of what there is, whichever is more. So keeping a huge answer costs a few times its length,
/// and not its square.
const SAVED_EVERY_BYTES: usize = 4 * 1024;
const SAVED_EVERY_PART: usize = 4;

/// What there is of an answer: written as it comes, and read by whoever keeps it.
pub(crate) struct Draft {
    text: Mutex<Text>,
    has_grown: Notify,
}

struct Text {
    all: String,
    saved: usize,
}

impl Draft {
    /// That begins with what there is already.
    pub(crate) fn of(text: &str) -> Self {
        let text = Text { all: text.to_owned(), saved: text.len() };
        Self { text: Mutex::new(text), has_grown: Notify::new() }
    }

    pub(crate) fn push(&self, chunk: &str) {
        let mut text = self.lock();
        text.all.push_str(chunk);
        if text.all.len() - text.saved >= SAVED_EVERY_BYTES.max(text.saved / SAVED_EVERY_PART) {
            self.has_grown.notify_one();
        }
    }

    /// Ends when so much has come since the last [`Draft::to_save`] that it should be kept.
    pub(crate) async fn has_grown(&self) {
        self.has_grown.notified().await;
    }

    /// The text as it is now, to be kept.
    pub(crate) fn to_save(&self) -> String {
        let mut text = self.lock();
        text.saved = text.all.len();
        text.all.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Text> {
        self.text.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
