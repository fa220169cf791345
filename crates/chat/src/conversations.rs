use webchat_domain::{Conversation, ConversationChange, ConversationId, EventBody, Title, UserId};
use webchat_persistence::{Cursor, ListOrder, Page};

use crate::{Chat, ChatError};

/// Conversations read at a time where all are wanted.
const PAGE: u32 = 100;

impl Chat {
    /// Starts an empty conversation.
    ///
    /// # Errors
    /// When the store can't keep it.
    pub async fn start_conversation(&self, owner: UserId) -> Result<Conversation, ChatError> {
        let id = ConversationId::generate();
        let now = self.ports.clock.now();
        Ok(self.ports.conversations.create(owner, id, now).await?)
    }

    /// The conversation.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`], also when it is somebody else's.
    pub async fn find_conversation(
        &self,
        owner: UserId,
        id: ConversationId,
    ) -> Result<Conversation, ChatError> {
        let found = self.ports.conversations.find(owner, id).await?;
        found.ok_or(ChatError::ConversationNotFound)
    }

    /// A page of the owner's conversations, the most recently changed first, behind `after`.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn list_conversations(
        &self,
        owner: UserId,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<Conversation>, ChatError> {
        let order = ListOrder::Updated;
        Ok(self
            .ports
            .conversations
            .list(owner, order, after, limit)
            .await?)
    }

    /// All of the owner's conversations, the most recently started first.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn all_conversations(&self, owner: UserId) -> Result<Vec<Conversation>, ChatError> {
        let mut all = Vec::new();
        let mut after = None;
        loop {
            let order = ListOrder::Created;
            let page = self
                .ports
                .conversations
                .list(owner, order, after, PAGE)
                .await?;
            all.extend(page.items);
            after = page.next;
            if after.is_none() {
                return Ok(all);
            }
        }
    }

    /// Gives it another title, and tells its followers.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`], also when it is somebody else's.
    pub async fn rename_conversation(
        &self,
        owner: UserId,
        id: ConversationId,
        title: Title,
    ) -> Result<Conversation, ChatError> {
        let now = self.ports.clock.now();
        let renamed = self
            .ports
            .conversations
            .rename(owner, id, title.clone(), now)
            .await?
            .ok_or(ChatError::ConversationNotFound)?;
        self.tell(id, ConversationChange::Title { title }).await?;
        Ok(renamed)
    }

    /// Deletes it with its messages, ends a turn that runs in it, and tells its followers.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`], also when it is somebody else's.
    pub async fn delete_conversation(
        &self,
        owner: UserId,
        id: ConversationId,
    ) -> Result<(), ChatError> {
        if !self.ports.conversations.delete(owner, id).await? {
            return Err(ChatError::ConversationNotFound);
        }
        self.turns.stop(id);
        self.tell(id, ConversationChange::Deleted).await
    }

    pub(crate) async fn tell(
        &self,
        id: ConversationId,
        change: ConversationChange,
    ) -> Result<(), ChatError> {
        let body = EventBody::ConversationUpdated(change);
        self.ports.log.append(id, body).await?;
        Ok(())
    }
}
