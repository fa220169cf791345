//! The use cases of a conversation's context.

use std::sync::Arc;

use webchat_domain::{
    Context, ConversationChange, ConversationId, ExampleId, FewShotExample, IdempotencyKey, Ledger,
    ModelParameters, Summary, SummaryAuthor, SystemPrompt, UserId,
};
use webchat_persistence::{ReplaceContextOutcome, StoredContext};
use webchat_tokens::{ContextPlanner, obviously_exceeds};

use crate::error::ChatError;
use crate::runtime::core::Core;

/// The maximum number of attempts to store a change while others change the context concurrently.
const MAX_ATTEMPTS: u32 = 5;

/// A conversation's context, and the tokens of the next request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextView {
    /// System prompt, examples, summary and model parameters.
    pub context: Context,
    /// The context's revision, which changes with every edit.
    pub revision: u64,
    /// The tokens of the next request, without its question.
    pub ledger: Ledger,
}

/// A change of a context. A field that is `None` changes nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContextEdit {
    /// The new system prompt.
    pub system_prompt: Option<PromptChoice>,
    /// The new model parameters.
    pub parameters: Option<ModelParameters>,
}

/// The choice of a conversation's system prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PromptChoice {
    /// A prompt for this conversation only.
    Custom(String),
    /// The server's prompt.
    ServerDefault,
}

/// The use cases of a conversation's context: everything that is sent to the model in addition to the messages.
#[derive(Clone)]
pub struct Contexts {
    core: Arc<Core>,
}

impl Contexts {
    pub(crate) fn new(core: &Arc<Core>) -> Self {
        Self { core: Arc::clone(core) }
    }

    /// Returns the conversation's context.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`] if the user has no such conversation.
    pub async fn view(
        &self,
        user_id: UserId,
        id: ConversationId,
    ) -> Result<ContextView, ChatError> {
        let conversation = self.core.find_conversation(user_id, id).await?;
        let StoredContext { context, revision } = self.core.stored_context(user_id, id).await?;
        let mut planner = ContextPlanner::without_question(self.core.budget(&context));
        self.core.visit_history(user_id, id, None, |message| planner.try_add(message)).await?;
        let ledger = planner.finish(conversation.message_count).ledger;
        Ok(ContextView { context, revision, ledger })
    }

    /// Changes the system prompt or the model parameters.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`], [`ChatError::ContextTooLong`], [`ChatError::StorageFull`];
    /// [`ChatError::RevisionConflict`] if `expected_revision` is `Some` and differs from the current revision;
    /// [`ChatError::ContextConflict`] if others change the context at the same time.
    pub async fn edit(
        &self,
        user_id: UserId,
        id: ConversationId,
        edit: ContextEdit,
        expected_revision: Option<u64>,
    ) -> Result<(), ChatError> {
        let ContextEdit { system_prompt, parameters } = edit;
        let prompt = match system_prompt {
            None => None,
            Some(PromptChoice::ServerDefault) => Some(None),
            Some(PromptChoice::Custom(text)) => {
                let token_count = self.reserve_and_count(user_id, &text).await?;
                Some(Some(SystemPrompt { text, token_count }))
            }
        };
        let change = |context: &mut Context| {
            if let Some(prompt) = &prompt {
                context.system_prompt.clone_from(prompt);
            }
            context.parameters = parameters.unwrap_or(context.parameters);
            Ok(ConversationChange::Context)
        };
        self.change(user_id, id, expected_revision, change).await
    }

    /// Adds an example: a question and the answer that the model should give. Repeating a call with the same key
    /// returns the first call's example, as long as it exists.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`], [`ChatError::ContextTooLong`], [`ChatError::StorageFull`];
    /// [`ChatError::ContextConflict`] if others change the context at the same time.
    pub async fn add_example(
        &self,
        user_id: UserId,
        id: ConversationId,
        key: Option<&IdempotencyKey>,
        user_prompt: String,
        assistant_response: String,
    ) -> Result<FewShotExample, ChatError> {
        let example_id = ExampleId::from_idempotency_key(id, key);
        let is_same = |example: &FewShotExample| example.example_id == example_id;
        if let Some(existing) = self.examples(user_id, id).await?.into_iter().find(is_same) {
            return Ok(existing);
        }
        let example = FewShotExample {
            example_id,
            prompt_tokens: self.reserve_and_count(user_id, &user_prompt).await?,
            response_tokens: self.reserve_and_count(user_id, &assistant_response).await?,
            user_prompt,
            assistant_response,
            created_at: self.core.now(),
        };
        let change = |context: &mut Context| {
            // A concurrent request with the same key may have added it.
            if !context.examples.iter().any(is_same) {
                context.examples.push(example.clone());
            }
            Ok(ConversationChange::FewShot)
        };
        self.change(user_id, id, None, change).await?;
        Ok(example)
    }

    /// Returns the examples in the order in which they were added.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`] if the user has no such conversation.
    pub async fn examples(
        &self,
        user_id: UserId,
        id: ConversationId,
    ) -> Result<Vec<FewShotExample>, ChatError> {
        Ok(self.core.stored_context(user_id, id).await?.context.examples)
    }

    /// Removes an example.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`], [`ChatError::ExampleNotFound`]; [`ChatError::ContextConflict`] if others
    /// change the context at the same time.
    pub async fn remove_example(
        &self,
        user_id: UserId,
        id: ConversationId,
        example_id: ExampleId,
    ) -> Result<(), ChatError> {
        let change = |context: &mut Context| {
            let before = context.examples.len();
            context.examples.retain(|example| example.example_id != example_id);
            if context.examples.len() == before {
                return Err(ChatError::ExampleNotFound);
            }
            Ok(ConversationChange::FewShot)
        };
        self.change(user_id, id, None, change).await
    }

    /// Replaces the summary's text. `None` and a blank text remove the summary. The messages that it covered are then sent to the
    /// model again, as many as fit.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`], [`ChatError::NoSummary`], [`ChatError::ContextTooLong`],
    /// [`ChatError::StorageFull`];
    /// [`ChatError::RevisionConflict`] if `expected_revision` is `Some` and differs from the current revision;
    /// [`ChatError::ContextConflict`] if others change the context at the same time.
    pub async fn set_summary(
        &self,
        user_id: UserId,
        id: ConversationId,
        text: Option<String>,
        expected_revision: Option<u64>,
    ) -> Result<(), ChatError> {
        let text = text.filter(|text| !text.trim().is_empty());
        let token_count = match &text {
            Some(text) => self.reserve_and_count(user_id, text).await?,
            None => 0,
        };
        let created_at = self.core.now();
        let change = |context: &mut Context| {
            let limit = self.core.budget(context).max_summary_tokens();
            if token_count > limit {
                return Err(ChatError::ContextTooLong { limit });
            }
            let old = context.summary.take().ok_or(ChatError::NoSummary)?;
            context.summary = text.clone().map(|text| Summary {
                text,
                token_count,
                created_at,
                author: SummaryAuthor::User,
                ..old
            });
            Ok(ConversationChange::Context)
        };
        self.change(user_id, id, expected_revision, change).await
    }

    /// Reserves storage for a text, and counts its tokens. Fails before counting if the text obviously
    /// exceeds the window.
    async fn reserve_and_count(&self, user_id: UserId, text: &str) -> Result<u32, ChatError> {
        if obviously_exceeds(text.len(), self.core.settings.window_tokens) {
            return Err(ChatError::ContextTooLong { limit: self.min_available() });
        }
        self.core.reserve_storage(user_id, text.len()).await?;
        self.core.count_tokens_for(user_id, text).await
    }

    /// Returns the number of tokens that the context must leave for the messages: half of the window without the
    /// tokens for the answer.
    fn min_available(&self) -> u32 {
        let settings = &self.core.settings;
        settings.window_tokens.saturating_sub(settings.reserved_tokens()) / 2
    }

    /// Applies `change` to the current context and stores the result. After a conflict, retries immediately with
    /// the new context.
    async fn change(
        &self,
        user_id: UserId,
        id: ConversationId,
        expected_revision: Option<u64>,
        change: impl Fn(&mut Context) -> Result<ConversationChange, ChatError>,
    ) -> Result<(), ChatError> {
        for _ in 0..MAX_ATTEMPTS {
            let StoredContext { mut context, revision } =
                self.core.stored_context(user_id, id).await?;
            if expected_revision.is_some_and(|expected| expected != revision) {
                return Err(ChatError::RevisionConflict);
            }
            let available_before = self.core.budget(&context).available();
            let event = change(&mut context)?;
            self.check_available(available_before, &context)?;
            let contexts = &self.core.ports.contexts;
            match contexts.replace_context(user_id, id, context, revision).await? {
                ReplaceContextOutcome::Stored { .. } => {
                    return self.core.publish_change(id, event).await;
                }
                ReplaceContextOutcome::Conflict => {}
                ReplaceContextOutcome::NotFound => return Err(ChatError::ConversationNotFound),
            }
        }
        Err(ChatError::ContextConflict)
    }

    /// Checks that the context leaves enough of the window for the messages. If it left less before the change,
    /// because the operator has reduced the window, it must not grow.
    fn check_available(&self, available_before: u32, context: &Context) -> Result<(), ChatError> {
        let half = self.min_available();
        let available = self.core.budget(context).available();
        if available < half && available < available_before {
            return Err(ChatError::ContextTooLong { limit: half });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
