//! The models from which users choose.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use futures_util::StreamExt;
use thiserror::Error;
use webchat_domain::{GroupName, Ledger, ModelId};
use webchat_llm::{AnswerLimit, ChatModel, ChatRequest, Delta, DeltaStream, ModelError};
use webchat_tokens::TokenCounter;

use super::filter_metrics::{FilteredText, count_filtered, start_series};

/// A model, with what the use cases need to know about it.
#[derive(Clone)]
pub struct Model {
    /// The id, by which conversations choose it.
    pub id: ModelId,
    /// The name for users. If it is `None`, the name that the model reports is shown.
    pub name: Option<String>,
    /// The client.
    pub client: Arc<dyn ChatModel>,
    /// The tokenizer. If it is `None`, that of the name that the model reports is used.
    pub tokens: Option<TokenCounter>,
    /// The size of the context window in tokens.
    pub window_tokens: u32,
    /// The maximum length of an answer in tokens. `None` means the model's own maximum.
    pub reply_tokens: Option<u32>,
    /// The groups whose users may use it. If there are none, everybody may.
    pub groups: Vec<GroupName>,
}

impl Model {
    /// Returns the name for users, if it is known yet.
    #[must_use]
    pub fn display_name(&self) -> Option<String> {
        self.name.clone().or_else(|| self.client.name())
    }

    /// Returns the number of tokens of the window that are reserved for an answer: its maximum length, or a quarter
    /// of the window if that is unknown.
    #[must_use]
    pub fn reserved_tokens(&self) -> u32 {
        self.reply_tokens.unwrap_or((self.window_tokens / 4).max(1))
    }

    /// Returns whether a user in these groups may use it.
    #[must_use]
    pub fn is_visible_to(&self, groups: &[GroupName]) -> bool {
        self.groups.is_empty() || self.groups.iter().any(|group| groups.contains(group))
    }

    /// Returns the maximum length of an answer for a request.
    pub(crate) fn answer_limit(&self) -> AnswerLimit {
        match self.reply_tokens {
            Some(tokens) => AnswerLimit::Tokens(tokens),
            None => AnswerLimit::ModelMaximum { expected: self.reserved_tokens() },
        }
    }

    /// Returns the ledger of a turn that has sent nothing to the model.
    pub(crate) fn empty_ledger(&self) -> Ledger {
        let (window, reserved) = (self.window_tokens, self.reserved_tokens());
        Ledger { window, reserved, total: reserved, ..Ledger::default() }
    }

    /// Sends a request, and counts what the provider's content filter finds.
    ///
    /// # Errors and cancellation
    /// Those of [`ChatModel::stream`].
    pub(crate) async fn stream(&self, request: ChatRequest) -> Result<DeltaStream, ModelError> {
        let id = self.id.clone();
        match self.client.stream(request).await {
            Ok(answer) => Ok(answer
                .inspect(move |delta| {
                    if let Ok(Delta::Filtered(categories)) = delta {
                        count_filtered(&id, FilteredText::Answer, categories);
                    }
                })
                .boxed()),
            Err(error) => {
                if let ModelError::ContentFilter { categories, .. } = &error {
                    count_filtered(&id, FilteredText::Request, categories);
                }
                Err(error)
            }
        }
    }

    /// Returns a counter with its tokenizer. The first count may load the tokenizer on this thread.
    pub(crate) fn counter(&self) -> TokenCounter {
        let reported = || self.client.name().map(|name| TokenCounter::for_model(&name));
        self.tokens.or_else(reported).unwrap_or_default()
    }

    /// Returns the number of tokens that a context must leave for the messages: half of what remains of the window
    /// after the tokens for the answer. The context may take the other half.
    pub(crate) fn min_available(&self) -> u32 {
        self.window_tokens.saturating_sub(self.reserved_tokens()) / 2
    }
}

/// Shows only the id: the client has secrets.
impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The models from which users choose. Clones share them.
#[derive(Clone)]
pub struct Models {
    /// At least one.
    current: Arc<RwLock<Arc<[Arc<Model>]>>>,
}

/// There is no model.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("there must be at least one model")]
pub struct NoModel;

impl Models {
    /// Creates the registry of a single model.
    #[must_use]
    pub fn one(model: Model) -> Self {
        start_series(&model.id);
        Self { current: Arc::new(RwLock::new(Arc::new([Arc::new(model)]))) }
    }

    /// Creates the registry of several models. The first one is the default.
    ///
    /// # Errors
    /// [`NoModel`].
    pub fn new(models: Vec<Model>) -> Result<Self, NoModel> {
        Ok(Self { current: Arc::new(RwLock::new(shared(models)?)) })
    }

    /// Replaces the models. Running answers go on with the old ones.
    ///
    /// # Errors
    /// [`NoModel`]: then nothing changes.
    pub fn replace(&self, models: Vec<Model>) -> Result<(), NoModel> {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = shared(models)?;
        Ok(())
    }

    /// Returns all models, in the order in which users see them.
    #[must_use]
    pub fn all(&self) -> Arc<[Arc<Model>]> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the model with this id.
    #[must_use]
    pub fn find(&self, id: &ModelId) -> Option<Arc<Model>> {
        self.all().iter().find(|model| model.id == *id).cloned()
    }

    /// Returns the first model, which the server uses for what belongs to no conversation.
    #[expect(clippy::indexing_slicing, reason = "there is at least one model")]
    #[must_use]
    pub fn first(&self) -> Arc<Model> {
        Arc::clone(&self.all()[0])
    }
}

fn shared(models: Vec<Model>) -> Result<Arc<[Arc<Model>]>, NoModel> {
    for model in &models {
        start_series(&model.id);
    }
    let models: Arc<[_]> = models.into_iter().map(Arc::new).collect();
    if models.is_empty() { Err(NoModel) } else { Ok(models) }
}
