use std::ops::ControlFlow;

use webchat_domain::{
    Context, ConversationChange, ConversationId, ExampleId, FewShotExample, IdempotencyKey, Ledger,
    Message, ModelParameters, Summary, SummaryAuthor, SystemPrompt, UserId,
};
use webchat_persistence::{ReplaceContextOutcome, StoredContext};
use webchat_tokens::{Budget, ContextPlanner};

use crate::core::Core;
use crate::{ChatError, Contexts, Settings};

/// How often a change is made anew when others change the same context meanwhile.
const TRIES: u32 = 5;

/// Messages read at a time to fill the model's window.
const PAGE: u32 = 50;

/// What goes to the model beside a conversation's messages, and what all of it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextView {
    /// What goes beside the messages.
    pub context: Context,
    /// Its revision: another one after each change.
    pub revision: u64,
    /// What would be sent, without the next question.
    pub ledger: Ledger,
}

/// What is to be another with a context. What is `None` stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContextEdit {
    /// How the model should behave.
    pub system_prompt: Option<PromptChoice>,
    /// How the model is to choose its words.
    pub parameters: Option<ModelParameters>,
}

/// Which system prompt a conversation has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PromptChoice {
    /// The conversation has its own prompt.
    Custom(String),
    /// The server's prompt is used.
    ServerDefault,
}

impl Contexts {
    /// The conversation's context.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`], also when it is somebody else's.
    pub async fn view(
        &self,
        user_id: UserId,
        id: ConversationId,
    ) -> Result<ContextView, ChatError> {
        let conversation = self.core.find_conversation(user_id, id).await?;
        let StoredContext { context, revision } = self.core.stored_context(user_id, id).await?;
        let mut planner = ContextPlanner::without_question(self.core.budget(&context));
        self.core.offer_history(user_id, id, None, |message| planner.try_add(message)).await?;
        let ledger = planner.finish(conversation.message_count).ledger;
        Ok(ContextView { context, revision, ledger })
    }

    /// Changes how the model should behave in this conversation.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`], [`ChatError::ContextTooLong`];
    /// [`ChatError::RevisionConflict`] where `expected` is given and is not the revision.
    pub async fn edit(
        &self,
        user_id: UserId,
        id: ConversationId,
        edit: ContextEdit,
        expected: Option<u64>,
    ) -> Result<(), ChatError> {
        let ContextEdit { system_prompt, parameters } = edit;
        let prompt = match system_prompt {
            None => None,
            Some(PromptChoice::ServerDefault) => Some(None),
            Some(PromptChoice::Custom(text)) => {
                let token_count = self.core.count_tokens(&text).await;
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
        self.change_context(user_id, id, expected, change).await
    }

    /// Adds an example of what an answer should be like. Under a key that added one before, it is that
    /// one, as long as it is there.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`], [`ChatError::ContextTooLong`].
    pub async fn add_example(
        &self,
        user_id: UserId,
        id: ConversationId,
        key: Option<&IdempotencyKey>,
        user_prompt: String,
        assistant_response: String,
    ) -> Result<FewShotExample, ChatError> {
        let example_id = ExampleId::of_key(id, key);
        let is_it = |example: &FewShotExample| example.example_id == example_id;
        if let Some(known) = self.examples(user_id, id).await?.into_iter().find(is_it) {
            return Ok(known);
        }
        let example = FewShotExample {
            example_id,
            prompt_tokens: self.core.count_tokens(&user_prompt).await,
            response_tokens: self.core.count_tokens(&assistant_response).await,
            user_prompt,
            assistant_response,
            created_at: self.core.ports.clock.now(),
        };
        let change = |context: &mut Context| {
            // It may have come twice at once.
            if !context.examples.iter().any(is_it) {
                context.examples.push(example.clone());
            }
            Ok(ConversationChange::FewShot)
        };
        self.change_context(user_id, id, None, change).await?;
        Ok(example)
    }

    /// The examples, in the order of adding.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`], also when it is somebody else's.
    pub async fn examples(
        &self,
        user_id: UserId,
        id: ConversationId,
    ) -> Result<Vec<FewShotExample>, ChatError> {
        Ok(self.core.stored_context(user_id, id).await?.context.examples)
    }

    /// Takes an example away.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`], [`ChatError::ExampleNotFound`].
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
        self.change_context(user_id, id, None, change).await
    }

    /// Puts the user's words in place of the summary's; `None` takes it away, and the messages that
    /// it covered go to the model again, as many as fit.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`], [`ChatError::NoSummary`], [`ChatError::ContextTooLong`];
    /// [`ChatError::RevisionConflict`] where `expected` is given and is not the revision.
    pub async fn set_summary(
        &self,
        user_id: UserId,
        id: ConversationId,
        text: Option<String>,
        expected: Option<u64>,
    ) -> Result<(), ChatError> {
        let text = text.filter(|text| !text.trim().is_empty());
        let token_count = match &text {
            Some(text) => self.core.count_tokens(text).await,
            None => 0,
        };
        let created_at = self.core.ports.clock.now();
        let change = |context: &mut Context| {
            let longest = self.core.budget(context).max_summary_tokens();
            if token_count > longest {
                return Err(ChatError::ContextTooLong { limit: longest });
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
        self.change_context(user_id, id, expected, change).await
    }

    async fn change_context(
        &self,
        user_id: UserId,
        id: ConversationId,
        expected: Option<u64>,
        change: impl Fn(&mut Context) -> Result<ConversationChange, ChatError>,
    ) -> Result<(), ChatError> {
        for _ in 0..TRIES {
            let StoredContext { mut context, revision } =
                self.core.stored_context(user_id, id).await?;
            if expected.is_some_and(|expected| expected != revision) {
                return Err(ChatError::RevisionConflict);
            }
            let room_before = self.core.budget(&context).available();
            let kind = change(&mut context)?;
            self.check_room(room_before, &context)?;
            match self.core.ports.contexts.replace_context(user_id, id, context, revision).await? {
                ReplaceContextOutcome::Stored { .. } => {
                    return self.core.publish_change(id, kind).await;
                }
                ReplaceContextOutcome::Conflict => {}
                ReplaceContextOutcome::NotFound => return Err(ChatError::ConversationNotFound),
            }
        }
        Err(ChatError::ContextConflict)
    }

    /// What goes in any case leaves half of the window to the conversation. What takes more already,
    /// as the server was given a smaller window, may still shrink.
    fn check_room(&self, room_before: u32, context: &Context) -> Result<(), ChatError> {
        let Settings { max_tokens, reply_tokens, .. } = self.core.settings;
        let half = max_tokens.saturating_sub(reply_tokens) / 2;
        let room = self.core.budget(context).available();
        if room < half && room < room_before {
            return Err(ChatError::ContextTooLong { limit: half });
        }
        Ok(())
    }
}

impl Core {
    pub(crate) fn budget(&self, context: &Context) -> Budget {
        let Settings { max_tokens, reply_tokens, .. } = self.settings;
        Budget::for_context(max_tokens, reply_tokens, self.system_prompt.as_ref(), context)
    }

    pub(crate) async fn stored_context(
        &self,
        user_id: UserId,
        id: ConversationId,
    ) -> Result<StoredContext, ChatError> {
        let found = self.ports.contexts.context(user_id, id).await?;
        found.ok_or(ChatError::ConversationNotFound)
    }

    /// Hands the messages before the position `before` to `offer`, newest first, until it breaks.
    pub(crate) async fn offer_history(
        &self,
        user_id: UserId,
        id: ConversationId,
        mut before: Option<u64>,
        mut offer: impl FnMut(Message) -> ControlFlow<()>,
    ) -> Result<(), ChatError> {
        while before.is_none_or(|before| before > 1) {
            let page = self.read_messages(user_id, id, before, PAGE).await?;
            before = Some(page.first().map_or(0, |oldest| oldest.position));
            for message in page.into_iter().rev() {
                if offer(message).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
