//! What all services share: ports, settings, lifecycle and list feed.

use std::sync::Arc;

use webchat_domain::{
    ConversationChange, ConversationId, EventBody, EventId, SystemPrompt, UserId,
};
use webchat_persistence::Signal;
use webchat_tokens::TokenCounter;

use crate::ChatError;
use crate::background::Background;
use crate::fault::cause;
use crate::lists::Lists;
use crate::ports::Ports;
use crate::settings::Settings;
use crate::turns::RunningTurns;

/// What all services share.
pub(crate) struct Core {
    pub(crate) ports: Ports,
    pub(crate) settings: Settings,
    pub(crate) system_prompt: Option<SystemPrompt>,
    pub(crate) running: RunningTurns,
    pub(crate) background: Background,
    pub(crate) lists: Lists,
}

impl Core {
    pub(crate) fn new(ports: Ports, settings: Settings) -> Arc<Self> {
        let system_prompt = settings
            .system_prompt
            .clone()
            .map(|text| SystemPrompt { token_count: ports.tokens.count(&text), text });
        Arc::new(Self {
            ports,
            settings,
            system_prompt,
            running: RunningTurns::new(),
            background: Background::new(),
            lists: Lists::default(),
        })
    }

    /// A counter with the tokenizer of the model that answers.
    pub(crate) fn counter(&self) -> TokenCounter {
        self.ports.model.name().map_or(self.ports.tokens, |name| TokenCounter::for_model(&name))
    }

    /// Counts the tokens of a text. Counting a long text blocks its thread for too long, so that is done
    /// elsewhere.
    pub(crate) async fn count_tokens(&self, text: &str) -> u32 {
        const MAX_INLINE_BYTES: usize = 16 * 1024;
        let tokens = self.counter();
        if text.len() <= MAX_INLINE_BYTES {
            return tokens.count(text);
        }
        let owned = text.to_owned();
        tokio::task::spawn_blocking(move || tokens.count(&owned)).await.unwrap_or(u32::MAX)
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

    /// Notifies all subscribers of the user's list, on all instances, that an entry changed. Without an
    /// id, many entries changed.
    pub(crate) async fn notify_list(
        &self,
        user_id: UserId,
        conversation_id: Option<ConversationId>,
    ) {
        let signal = Signal::ListChanged { user_id, conversation_id };
        if let Err(error) = self.ports.signals.publish(signal).await {
            let error = cause(&error);
            tracing::warn!(?conversation_id, error, "failed to publish list change");
        }
    }
}
