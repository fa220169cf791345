//! Reads the stored context and the history to plan a request.

use std::ops::ControlFlow;
use std::sync::Arc;

use webchat_domain::{Context, ConversationId, Message, PromptSource, SystemPrompt, UserId};
use webchat_llm::AnswerLimit;
use webchat_persistence::StoredContext;
use webchat_tokens::Budget;

use crate::error::ChatError;
use crate::models::registry::Model;
use crate::runtime::core::Core;

/// The page size when the history is read to plan a request.
const PAGE_SIZE: u32 = 50;

/// A conversation's context together with the defaults that apply to it.
#[derive(Clone, Debug)]
pub(crate) struct EffectiveContext {
    /// The conversation's own context.
    pub(crate) context: Context,
    /// The revision of `context`.
    pub(crate) revision: u64,
    /// The user's default prompt.
    pub(crate) user_prompt: Option<SystemPrompt>,
    /// The model that answers.
    pub(crate) model: Arc<Model>,
}

impl EffectiveContext {
    /// Returns the system prompt that applies, and whose it is: the conversation's own, the user's default, or the
    /// server's.
    pub(crate) fn system_prompt<'a>(
        &'a self,
        server_prompt: Option<&'a SystemPrompt>,
    ) -> Option<(&'a SystemPrompt, PromptSource)> {
        let own = self.context.system_prompt.as_ref();
        own.map(|prompt| (prompt, PromptSource::Conversation))
            .or(self.user_prompt.as_ref().map(|prompt| (prompt, PromptSource::User)))
            .or(server_prompt.map(|prompt| (prompt, PromptSource::Server)))
    }

    /// Returns the maximum length of an answer. That of the model may be lower than that of the conversation.
    pub(crate) fn answer_limit(&self) -> AnswerLimit {
        let max = self.model.reserved_tokens();
        let own = self.context.reply_tokens.map(|tokens| AnswerLimit::Tokens(tokens.clamp(1, max)));
        own.unwrap_or(self.model.answer_limit())
    }
}

impl Core {
    pub(crate) fn budget(&self, effective: &EffectiveContext) -> Budget {
        let prompt = self.system_prompt_of(effective);
        let reply = effective.answer_limit().tokens();
        Budget::for_context(effective.model.window_tokens, reply, prompt, &effective.context)
    }

    /// Returns the system prompt that applies to a conversation.
    pub(crate) fn system_prompt_of<'a>(
        &'a self,
        effective: &'a EffectiveContext,
    ) -> Option<&'a SystemPrompt> {
        effective.system_prompt(self.system_prompt.as_ref()).map(|(prompt, _)| prompt)
    }

    pub(crate) async fn stored_context(
        &self,
        user_id: UserId,
        id: ConversationId,
    ) -> Result<StoredContext, ChatError> {
        let found = self.ports.contexts.context(user_id, id).await?;
        found.ok_or(ChatError::ConversationNotFound)
    }

    pub(crate) async fn effective_context(
        &self,
        user_id: UserId,
        id: ConversationId,
    ) -> Result<EffectiveContext, ChatError> {
        let settings = async { Ok(self.ports.user_settings.user_settings(user_id).await?) };
        let (stored, settings) = tokio::try_join!(self.stored_context(user_id, id), settings)?;
        let StoredContext { context, revision } = stored;
        // A conversation stays readable if its model is not available any more.
        let chosen = self.model_for(user_id, context.model.as_ref()).await;
        let model = match chosen {
            Err(ChatError::ModelUnavailable { .. }) => self.ports.models.first(),
            model => model?,
        };
        let user_prompt = settings.settings.system_prompt;
        Ok(EffectiveContext { context, revision, user_prompt, model })
    }

    /// Like [`Core::effective_context`], for a turn in which this model answers.
    pub(crate) async fn effective_context_with(
        &self,
        user_id: UserId,
        id: ConversationId,
        model: &Arc<Model>,
    ) -> Result<EffectiveContext, ChatError> {
        let effective = self.effective_context(user_id, id).await?;
        Ok(EffectiveContext { model: Arc::clone(model), ..effective })
    }

    /// Calls `visit` with each message before the position `before`, newest first, until it returns `Break`.
    /// Without a position, starts with the newest message.
    pub(crate) async fn visit_history(
        &self,
        user_id: UserId,
        id: ConversationId,
        mut before: Option<u64>,
        mut visit: impl FnMut(Message) -> ControlFlow<()>,
    ) -> Result<(), ChatError> {
        while before.is_none_or(|before| before > 1) {
            let page = self.read_messages(user_id, id, before, PAGE_SIZE).await?;
            before = Some(page.first().map_or(0, |oldest| oldest.position));
            for message in page.into_iter().rev() {
                if visit(message).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}
