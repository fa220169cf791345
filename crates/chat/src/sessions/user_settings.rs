//! The use cases of a user's settings.

use std::sync::Arc;

use webchat_domain::{UserId, UserSettings};
use webchat_persistence::StoredUserSettings;
use webchat_tokens::with_overhead;

use crate::context::service::{Choice, MAX_ATTEMPTS};
use crate::error::ChatError;
use crate::runtime::core::Core;

/// The use cases of a user's settings.
#[derive(Clone)]
pub struct UserSettingsService {
    core: Arc<Core>,
}

/// A user's settings with their revision.
pub type UserSettingsView = StoredUserSettings;

impl UserSettingsService {
    pub(crate) fn new(core: &Arc<Core>) -> Self {
        Self { core: Arc::clone(core) }
    }

    /// Returns the user's settings.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn view(&self, user_id: UserId) -> Result<UserSettingsView, ChatError> {
        Ok(self.core.ports.user_settings.user_settings(user_id).await?)
    }

    /// Changes the default system prompt of the user's conversations.
    ///
    /// # Errors
    /// [`ChatError::ContextTooLong`], [`ChatError::StorageFull`]; [`ChatError::RevisionConflict`] if
    /// `expected_revision` is `Some` and differs from the current revision; [`ChatError::ContextConflict`] if others
    /// change the settings at the same time.
    pub async fn set_system_prompt(
        &self,
        user_id: UserId,
        prompt: Choice<String>,
        expected_revision: Option<u64>,
    ) -> Result<(), ChatError> {
        let system_prompt = match prompt {
            Choice::Default => None,
            Choice::Custom(text) => Some(self.core.new_prompt(user_id, text).await?),
        };
        let limit = self.core.ports.models.first().min_available();
        if system_prompt.as_ref().is_some_and(|prompt| with_overhead(prompt.token_count) > limit) {
            return Err(ChatError::ContextTooLong { limit });
        }
        let store = &self.core.ports.user_settings;
        for _ in 0..MAX_ATTEMPTS {
            let revision = store.user_settings(user_id).await?.revision;
            if expected_revision.is_some_and(|expected| expected != revision) {
                return Err(ChatError::RevisionConflict);
            }
            let settings = UserSettings { system_prompt: system_prompt.clone() };
            let now = self.core.now();
            if store.replace_user_settings(user_id, settings, revision, now).await? {
                return Ok(());
            }
        }
        Err(ChatError::ContextConflict)
    }
}

#[cfg(test)]
mod tests {
    use webchat_domain::FinishReason;

    use super::*;
    use crate::testing::{ANSWER, QUESTION, TestChat, prompt_edit, settle};

    async fn set_default(test: &TestChat, prompt: &str) -> Result<(), ChatError> {
        let prompt = Choice::Custom(prompt.to_owned());
        test.chat.user_settings.set_system_prompt(test.user_id, prompt, None).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_conversation_uses_its_own_prompt_or_else_the_users_or_else_the_servers() {
        let test =
            TestChat::with_settings(|settings| settings.system_prompt = Some("Server".into()))
                .await;
        let mut prompts = Vec::new();
        for step in 0..3 {
            match step {
                1 => set_default(&test, "User").await.unwrap(),
                2 => {
                    let edit = prompt_edit("Conversation");
                    let (user_id, id) = (test.user_id, test.conversation_id);
                    test.chat.contexts.edit(user_id, id, edit, None).await.unwrap();
                }
                _ => {}
            }
            let request = test.ask(QUESTION).await;
            prompts.push(request.contents().remove(0).to_owned());
            request.answer(ANSWER, FinishReason::Stop).await;
            settle().await;
        }

        assert_eq!(prompts, ["Server", "User", "Conversation"]);
    }

    #[tokio::test]
    async fn the_users_prompt_counts_towards_the_window() {
        let test = TestChat::with_window(1_000, 200).await;
        let view = async || {
            test.chat.contexts.view(test.user_id, test.conversation_id).await.unwrap().ledger.system
        };

        let before = view().await;
        set_default(&test, "Be brief.").await.unwrap();
        let after = view().await;
        let too_long = set_default(&test, &"tide ".repeat(400)).await;

        assert_eq!((before, after), (0, with_overhead(3)));
        assert!(matches!(too_long, Err(ChatError::ContextTooLong { limit: 400 })));
        assert_eq!(view().await, after);
    }
}
