//! Which model answers: that of the message, of the conversation, or the first one that the user may use.

use std::sync::Arc;

use webchat_domain::{GroupName, ModelId, UserId};

use super::registry::Model;
use crate::error::ChatError;
use crate::runtime::core::Core;

impl Core {
    /// Returns the models that the user may use, in the order in which users see them.
    pub(crate) async fn models_for(&self, user_id: UserId) -> Result<Vec<Arc<Model>>, ChatError> {
        let models = self.ports.models.all();
        let groups = if models.iter().any(|model| !model.groups.is_empty()) {
            self.groups_of(user_id).await?
        } else {
            Vec::new()
        };
        Ok(models.iter().filter(|model| model.is_visible_to(&groups)).cloned().collect())
    }

    /// Returns the chosen model, or without a choice the first one that the user may use.
    ///
    /// # Errors
    /// [`ChatError::ModelUnavailable`] if it was withdrawn or the user may not use it.
    pub(crate) async fn model_for(
        &self,
        user_id: UserId,
        chosen: Option<&ModelId>,
    ) -> Result<Arc<Model>, ChatError> {
        let models = self.models_for(user_id).await?;
        let found = match chosen {
            Some(id) => models.into_iter().find(|model| model.id == *id),
            None => models.into_iter().next(),
        };
        found.ok_or_else(|| ChatError::ModelUnavailable { model: chosen.cloned() })
    }

    /// Returns the groups of a user. Without an account, there are none.
    async fn groups_of(&self, user_id: UserId) -> Result<Vec<GroupName>, ChatError> {
        let account = self.ports.accounts.find(user_id).await?;
        Ok(account
            .map(|account| account.groups.names().into_iter().cloned().collect())
            .unwrap_or_default())
    }
}
