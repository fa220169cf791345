//! The use cases of subscribing.

use std::sync::Arc;

use webchat_domain::{ConversationId, UserId};

use super::list_feed::ListSubscription;
use super::subscription::Subscription;
use crate::error::ChatError;
use crate::runtime::core::Core;

/// Subscriptions to events and lists.
#[derive(Clone)]
pub struct Events {
    core: Arc<Core>,
}

impl Events {
    pub(crate) fn new(core: &Arc<Core>) -> Self {
        Self { core: Arc::clone(core) }
    }

    /// Subscribes to the events of a conversation that come after the event `after`; without it, to
    /// those that are published from now on.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`] if the user has no such conversation.
    pub async fn subscribe(
        &self,
        user_id: UserId,
        id: ConversationId,
        after: Option<u64>,
    ) -> Result<Subscription, ChatError> {
        self.core.find_conversation(user_id, id).await?;
        Ok(Subscription::open(Arc::clone(&self.core.ports.log), id, after).await?)
    }

    /// Subscribes to changes of the user's list of conversations from now on, whichever instance makes
    /// them. Changes that happen while instances can't reach each other are not delivered.
    #[must_use]
    pub fn subscribe_to_list(&self, user_id: UserId) -> ListSubscription {
        self.core.lists.subscribe(user_id, Arc::clone(&self.core.ports.conversations))
    }
}
