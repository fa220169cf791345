//! The text of an answer while it is being generated.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// An answer is saved early once it has grown by this many bytes, or by a quarter of its saved length if that is
/// more. This keeps the total cost of saving a long answer linear in its length.
const MIN_GROWTH_BYTES: usize = 4 * 1024;
const GROWTH_DIVISOR: usize = 4;

/// The text of an answer. The stream appends to it while autosave reads it.
pub(super) struct Draft {
    text: Mutex<Text>,
    has_grown: Notify,
}

struct Text {
    content: String,
    saved_len: usize,
}

impl Draft {
    /// Starts with the saved text.
    pub(super) fn new(text: &str) -> Self {
        let text = Text { content: text.to_owned(), saved_len: text.len() };
        Self { text: Mutex::new(text), has_grown: Notify::new() }
    }

    pub(super) fn push(&self, chunk: &str) {
        let mut text = self.lock();
        text.content.push_str(chunk);
        let growth = text.content.len() - text.saved_len;
        if growth >= MIN_GROWTH_BYTES.max(text.saved_len / GROWTH_DIVISOR) {
            self.has_grown.notify_one();
        }
    }

    /// Waits until the text has grown enough since the last [`Draft::snapshot`] to be saved early.
    pub(super) async fn has_grown(&self) {
        self.has_grown.notified().await;
    }

    /// Returns the current text to save it.
    pub(super) fn snapshot(&self) -> String {
        let mut text = self.lock();
        text.saved_len = text.content.len();
        text.content.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Text> {
        self.text.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
