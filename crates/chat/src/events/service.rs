//! The use cases of subscriptions.

use std::sync::Arc;

use webchat_domain::{ConversationId, UserId};

use super::list_feed::ListSubscription;
use super::subscription::Subscription;
use crate::error::ChatError;
use crate::metrics::Timing;
use crate::runtime::core::Core;

/// The use cases of subscriptions to events and lists.
#[derive(Clone)]
pub struct Events {
    core: Arc<Core>,
}

impl Events {
    pub(crate) fn new(core: &Arc<Core>) -> Self {
        Self { core: Arc::clone(core) }
    }

    /// Subscribes to the events of a conversation after the sequence number `after`, or only to new events if it is
    /// `None`.
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
        let open = Subscription::open(Arc::clone(&self.core.ports.log), id, after);
        // Without a sequence number, nothing is replayed.
        let opened =
            if after.is_some() { Timing::EventReplay.measure(open).await } else { open.await };
        Ok(opened?)
    }

    /// Subscribes to new changes of the user's list of conversations, on all instances. Changes that happen
    /// while instances can't reach each other are not delivered.
    #[must_use]
    pub fn subscribe_to_list(&self, user_id: UserId) -> ListSubscription {
        self.core.lists.subscribe(user_id, Arc::clone(&self.core.ports.conversations))
    }
}
