//! What all services share: ports, settings, lifecycle and list feed.

use std::sync::Arc;

use webchat_domain::{
    ConversationChange, ConversationId, EventBody, EventId, Ledger, SystemPrompt, Timestamp, UserId,
};
use webchat_persistence::Signal;
use webchat_tokens::TokenCounter;

use super::error_chain::error_chain;
use super::lifecycle::Lifecycle;
use crate::error::ChatError;
use crate::events::list_feed::ListFeed;
use crate::ports::Ports;
use crate::settings::Settings;

/// What all services share.
pub(crate) struct Core {
    pub(crate) ports: Ports,
    pub(crate) settings: Settings,
    pub(crate) system_prompt: Option<SystemPrompt>,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) lists: Arc<ListFeed>,
}

impl Core {
    pub(crate) fn new(ports: Ports, settings: Settings) -> Self {
        let system_prompt = settings
            .system_prompt
            .clone()
            .map(|text| SystemPrompt { token_count: ports.tokens.count(&text), text });
        Self { ports, settings, system_prompt, lifecycle: Lifecycle::new(), lists: Arc::default() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    /// Returns a counter with the tokenizer of the model that answers.
    pub(crate) fn counter(&self) -> TokenCounter {
        let name = self.ports.model.name();
        name.map_or(self.ports.tokens, |name| TokenCounter::for_model(&name))
    }

    /// Counts the tokens of a text. A long text is counted on a blocking thread, as it would hold up
    /// other tasks of this one.
    pub(crate) async fn count_tokens(&self, text: &str) -> u32 {
        const MAX_INLINE_BYTES: usize = 16 * 1024;
        let tokens = self.counter();
        if text.len() <= MAX_INLINE_BYTES {
            return tokens.count(text);
        }
        let owned = text.to_owned();
        tokio::task::spawn_blocking(move || tokens.count(&owned)).await.unwrap_or(u32::MAX)
    }

    /// Returns the ledger of a turn that has sent nothing to the model.
    pub(crate) fn empty_ledger(&self) -> Ledger {
        let Settings { max_tokens: window, reply_tokens: reserved, .. } = self.settings;
        Ledger { window, reserved, total: reserved, ..Ledger::default() }
    }

    /// Publishes a change of a conversation to its subscribers.
    pub(crate) async fn publish_change(
        &self,
        id: ConversationId,
        change: ConversationChange,
    ) -> Result<(), ChatError> {
        let body = EventBody::ConversationUpdated(change);
        self.ports.log.append(id, EventId::generate(), body).await?;
        Ok(())
    }

    /// Notifies all subscribers of the user's list, on all instances, that an entry changed; without an
    /// id, that many did.
    pub(crate) async fn notify_list(
        &self,
        user_id: UserId,
        conversation_id: Option<ConversationId>,
    ) {
        let signal = Signal::ListChanged { user_id, conversation_id };
        if let Err(error) = self.ports.signals.publish(signal).await {
            let error = error_chain(&error);
            tracing::warn!(?conversation_id, error, "failed to publish list change");
        }
    }
}
