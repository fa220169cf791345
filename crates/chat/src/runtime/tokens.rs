//! Counts tokens with the tokenizer of a model, which is loaded when it is needed.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use webchat_domain::UserId;
use webchat_persistence::spawn_cpu_work;
use webchat_tokens::TokenCounter;

use super::core::Core;
use crate::error::ChatError;
use crate::models::registry::Model;

/// The interval between searches for unused tokenizers.
const UNLOAD_INTERVAL: Duration = Duration::from_secs(15);

/// The time after which an unused tokenizer is unloaded while no client is connected.
const MAX_UNUSED: Duration = Duration::from_secs(30);

/// The time after which an unused tokenizer is unloaded while clients are connected: their next question should not wait
/// until it is loaded again.
const MAX_UNUSED_CONNECTED: Duration = Duration::from_hours(1);

/// The maximum size of a text that is counted on the current thread, in bytes.
const MAX_INLINE_BYTES: usize = 16 * 1024;

impl Core {
    /// Returns the counter of a model. If its tokenizer is not loaded, loads it on another thread.
    pub(crate) async fn loaded_counter(&self, model: &Model) -> TokenCounter {
        let counter = model.counter();
        if !counter.is_loaded() {
            let _loading = self.tokenizer_loading.lock().await;
            if !counter.is_loaded() {
                // If the thread panics, the next count loads the tokenizer.
                let _ = spawn_cpu_work(move || counter.load()).await;
            }
        }
        counter
    }

    /// Periodically unloads the tokenizers that are not needed, until the future is dropped.
    pub(crate) async fn unload_tokenizers(self: Arc<Self>) {
        loop {
            sleep(UNLOAD_INTERVAL).await;
            TokenCounter::unload_unused(self.max_unused());
        }
    }

    /// Returns the time after which an unused tokenizer is unloaded.
    fn max_unused(&self) -> Duration {
        if self.lists.has_subscribers() { MAX_UNUSED_CONNECTED } else { MAX_UNUSED }
    }

    /// Counts the tokens of a user's text. Long texts of one user are counted one at a time.
    ///
    /// # Errors
    /// [`ChatError::ShuttingDown`] if the grace period of a shutdown is over first.
    pub(crate) async fn count_tokens_for(
        &self,
        user_id: UserId,
        model: &Model,
        text: &str,
    ) -> Result<u32, ChatError> {
        let (bytes, text) = (text.len(), text.to_owned());
        self.count_for(user_id, model, bytes, move |counter| counter.count(&text)).await
    }

    /// Calls `count` with the counter, for texts of a user that have this many bytes together. Long ones of one user are
    /// counted one at a time.
    ///
    /// # Errors
    /// [`ChatError::ShuttingDown`] if the grace period of a shutdown is over first.
    pub(crate) async fn count_for<T: Send + 'static>(
        &self,
        user_id: UserId,
        model: &Model,
        bytes: usize,
        count: impl FnOnce(TokenCounter) -> T + Send + 'static,
    ) -> Result<T, ChatError> {
        let counter = self.loaded_counter(model).await;
        if bytes <= MAX_INLINE_BYTES {
            return Ok(count(counter));
        }
        let count = move |_: &CancellationToken| Some(count(counter));
        self.text_work.run(user_id, &self.lifecycle.aborting(), count).await
    }

    /// Counts the tokens of a text. A long text is counted on another thread, so that it does not delay other
    /// tasks.
    pub(crate) async fn count_tokens(&self, model: &Model, text: &str) -> u32 {
        let counter = self.loaded_counter(model).await;
        if text.len() <= MAX_INLINE_BYTES {
            return counter.count(text);
        }
        let text = text.to_owned();
        spawn_cpu_work(move || counter.count(&text)).await.unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestChat;

    #[tokio::test]
    async fn an_unused_tokenizer_is_kept_while_a_client_is_connected() {
        let test = TestChat::new().await;
        let core = &test.chat.core;

        let subscription = test.chat.events.subscribe_to_list(test.user_id);
        let connected = core.max_unused();
        drop(subscription);

        assert_eq!((connected, core.max_unused()), (MAX_UNUSED_CONNECTED, MAX_UNUSED));
    }
}
