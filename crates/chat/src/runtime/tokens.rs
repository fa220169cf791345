//! Counts tokens with the tokenizer of the current model.

use tokio_util::sync::CancellationToken;
use webchat_domain::UserId;
use webchat_persistence::spawn_cpu_work;
use webchat_tokens::TokenCounter;

use super::core::Core;
use crate::error::ChatError;

/// The maximum size of a text that is counted on the current thread, in bytes.
const MAX_INLINE_BYTES: usize = 16 * 1024;

impl Core {
    /// Returns a counter with the tokenizer of the current model.
    pub(crate) fn counter(&self) -> TokenCounter {
        let name = self.ports.model.name();
        name.map_or(self.ports.tokens, |name| TokenCounter::for_model(&name))
    }

    /// Returns the counter. The first call loads the tokenizer on another thread.
    async fn loaded_counter(&self) -> TokenCounter {
        let counter = self.counter();
        let load = || async move {
            // If the thread panics, the next count loads the tokenizer.
            let _ = spawn_cpu_work(move || counter.load()).await;
        };
        self.tokenizer_loaded.get_or_init(load).await;
        counter
    }

    /// Counts the tokens of a user's text. Long texts of one user are counted one at a time.
    ///
    /// # Errors
    /// [`ChatError::ShuttingDown`] if the grace period of a shutdown is over first.
    pub(crate) async fn count_tokens_for(
        &self,
        user_id: UserId,
        text: &str,
    ) -> Result<u32, ChatError> {
        let counter = self.loaded_counter().await;
        if text.len() <= MAX_INLINE_BYTES {
            return Ok(counter.count(text));
        }
        let text = text.to_owned();
        let count = move |_: &CancellationToken| Some(counter.count(&text));
        self.text_work.run(user_id, &self.lifecycle.aborting(), count).await
    }

    /// Counts the tokens of a text. A long text is counted on another thread, so that it does not delay other
    /// tasks.
    pub(crate) async fn count_tokens(&self, text: &str) -> u32 {
        let counter = self.loaded_counter().await;
        if text.len() <= MAX_INLINE_BYTES {
            return counter.count(text);
        }
        let text = text.to_owned();
        spawn_cpu_work(move || counter.count(&text)).await.unwrap_or(u32::MAX)
    }
}
