//! The use cases of a conversation's context.

use std::sync::Arc;

use webchat_domain::{
    Context, ConversationChange, ConversationId, ExampleId, FewShotExample, IdempotencyKey, Ledger,
    ModelId, ModelParameters, PromptSource, Summary, SummaryAuthor, SystemPrompt, UserId,
};
use webchat_persistence::ReplaceContextOutcome;
use webchat_tokens::{ContextPlanner, obviously_exceeds};

use super::stored_context::EffectiveContext;
use crate::error::ChatError;
use crate::runtime::core::Core;

/// The maximum number of attempts to store a change while concurrent requests change the context or the settings.
pub(crate) const MAX_ATTEMPTS: u32 = 5;

/// A conversation's context, and the tokens of the next request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextView {
    /// System prompt, examples, summary and model parameters.
    pub context: Context,
    /// The context's revision, which changes with every edit.
    pub revision: u64,
    /// Whose system prompt applies. `None` means that there is none.
    pub prompt_source: Option<PromptSource>,
    /// The tokens of the next request, without its question.
    pub ledger: Ledger,
}

/// A change of a context. A field that is `None` changes nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContextEdit {
    /// The new system prompt.
    pub system_prompt: Option<Choice<String>>,
    /// The new model parameters.
    pub parameters: Option<ModelParameters>,
    /// The new maximum number of tokens of an answer.
    pub reply_tokens: Option<Choice<u32>>,
    /// The new model.
    pub model: Option<Choice<ModelId>>,
}

/// The choice between a value and the default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice<T> {
    /// This value.
    Custom(T),
    /// The default of the user or of the server.
    Default,
}

impl<T> Choice<T> {
    fn custom(self) -> Option<T> {
        match self {
            Self::Custom(value) => Some(value),
            Self::Default => None,
        }
    }
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
        let effective = self.core.effective_context(user_id, id).await?;
        let mut planner = ContextPlanner::without_question(self.core.budget(&effective));
        self.core.visit_history(user_id, id, None, |message| planner.try_add(message)).await?;
        let ledger = planner.finish(conversation.message_count).ledger;
        let prompt = effective.system_prompt(self.core.system_prompt.as_ref());
        let prompt_source = prompt.map(|(_, source)| source);
        let EffectiveContext { context, revision, .. } = effective;
        Ok(ContextView { context, revision, prompt_source, ledger })
    }

    /// Changes the system prompt, the model, its parameters or the maximum length of an answer.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`], [`ChatError::ContextTooLong`], [`ChatError::StorageFull`];
    /// [`ChatError::ReplyTokensOutOfRange`] if the maximum length of an answer is not from 1 to the model's;
    /// [`ChatError::ModelUnavailable`] if the user may not use the model;
    /// [`ChatError::RevisionConflict`] if `expected_revision` is `Some` and differs from the current revision;
    /// [`ChatError::ContextConflict`] if concurrent requests keep changing the context.
    pub async fn edit(
        &self,
        user_id: UserId,
        id: ConversationId,
        edit: ContextEdit,
        expected_revision: Option<u64>,
    ) -> Result<(), ChatError> {
        let ContextEdit { system_prompt, parameters, reply_tokens, model } = edit;
        let model = match model {
            None => None,
            Some(choice) => {
                let id = choice.custom();
                Some((self.core.model_for(user_id, id.as_ref()).await?, id))
            }
        };
        let prompt = match system_prompt {
            None => None,
            Some(Choice::Default) => Some(None),
            Some(Choice::Custom(text)) => Some(Some(self.core.new_prompt(user_id, text).await?)),
        };
        let change = |effective: &mut EffectiveContext| {
            let context = &mut effective.context;
            if let Some(prompt) = &prompt {
                context.system_prompt.clone_from(prompt);
            }
            context.parameters = parameters.unwrap_or(context.parameters);
            if let Some((model, id)) = &model {
                context.model.clone_from(id);
                effective.model = Arc::clone(model);
            }
            match reply_tokens {
                None => {}
                Some(Choice::Default) => context.reply_tokens = None,
                Some(Choice::Custom(tokens)) => {
                    let limit = effective.model.reserved_tokens();
                    if !(1..=limit).contains(&tokens) {
                        return Err(ChatError::ReplyTokensOutOfRange { limit });
                    }
                    context.reply_tokens = Some(tokens);
                }
            }
            Ok(ConversationChange::Context)
        };
        self.change(user_id, id, expected_revision, change).await
    }

    /// Adds an example: a question and the answer that the model should give. Repeating a call with the same key
    /// returns the first call's example, as long as it exists, unless both run at the same time.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`], [`ChatError::ContextTooLong`], [`ChatError::StorageFull`];
    /// [`ChatError::ContextConflict`] if concurrent requests keep changing the context.
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
            prompt_tokens: self.core.reserve_and_count(user_id, &user_prompt).await?,
            response_tokens: self.core.reserve_and_count(user_id, &assistant_response).await?,
            user_prompt,
            assistant_response,
            created_at: self.core.now(),
        };
        let change = |effective: &mut EffectiveContext| {
            let examples = &mut effective.context.examples;
            // A concurrent request with the same key may have added it.
            if !examples.iter().any(is_same) {
                examples.push(example.clone());
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
    /// [`ChatError::ConversationNotFound`], [`ChatError::ExampleNotFound`]; [`ChatError::ContextConflict`] if concurrent
    /// requests keep changing the context.
    pub async fn remove_example(
        &self,
        user_id: UserId,
        id: ConversationId,
        example_id: ExampleId,
    ) -> Result<(), ChatError> {
        let change = |effective: &mut EffectiveContext| {
            let examples = &mut effective.context.examples;
            let before = examples.len();
            examples.retain(|example| example.example_id != example_id);
            if examples.len() == before {
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
    /// [`ChatError::ContextConflict`] if concurrent requests keep changing the context.
    pub async fn set_summary(
        &self,
        user_id: UserId,
        id: ConversationId,
        text: Option<String>,
        expected_revision: Option<u64>,
    ) -> Result<(), ChatError> {
        let text = text.filter(|text| !text.trim().is_empty());
        let token_count = match &text {
            Some(text) => self.core.reserve_and_count(user_id, text).await?,
            None => 0,
        };
        let created_at = self.core.now();
        let change = |effective: &mut EffectiveContext| {
            let limit = self.core.budget(effective).max_summary_tokens();
            if token_count > limit {
                return Err(ChatError::ContextTooLong { limit });
            }
            let old = effective.context.summary.take().ok_or(ChatError::NoSummary)?;
            effective.context.summary = text.clone().map(|text| Summary {
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

    /// Applies `change` to the current context and stores the result. After a conflict, retries immediately with
    /// the new context.
    async fn change(
        &self,
        user_id: UserId,
        id: ConversationId,
        expected_revision: Option<u64>,
        change: impl Fn(&mut EffectiveContext) -> Result<ConversationChange, ChatError>,
    ) -> Result<(), ChatError> {
        for _ in 0..MAX_ATTEMPTS {
            let mut effective = self.core.effective_context(user_id, id).await?;
            let revision = effective.revision;
            if expected_revision.is_some_and(|expected| expected != revision) {
                return Err(ChatError::RevisionConflict);
            }
            let available_before = self.core.budget(&effective).available();
            let event = change(&mut effective)?;
            self.check_available(available_before, &effective)?;
            let contexts = &self.core.ports.contexts;
            match contexts.replace_context(user_id, id, effective.context, revision).await? {
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
    fn check_available(
        &self,
        available_before: u32,
        effective: &EffectiveContext,
    ) -> Result<(), ChatError> {
        let half = effective.model.min_available();
        let available = self.core.budget(effective).available();
        if available < half && available < available_before {
            return Err(ChatError::ContextTooLong { limit: half });
        }
        Ok(())
    }
}

impl Core {
    /// Reserves storage for a system prompt, and counts its tokens.
    pub(crate) async fn new_prompt(
        &self,
        user_id: UserId,
        text: String,
    ) -> Result<SystemPrompt, ChatError> {
        let token_count = self.reserve_and_count(user_id, &text).await?;
        Ok(SystemPrompt { text, token_count })
    }

    /// Reserves storage for a text, and counts its tokens. Fails before counting if the text obviously
    /// exceeds the window.
    async fn reserve_and_count(&self, user_id: UserId, text: &str) -> Result<u32, ChatError> {
        let model = self.ports.models.first();
        if obviously_exceeds(text.len(), model.window_tokens) {
            return Err(ChatError::ContextTooLong { limit: model.min_available() });
        }
        self.reserve_storage(user_id, text.len()).await?;
        self.count_tokens_for(user_id, &model, text).await
    }
}

#[cfg(test)]
mod tests;
