//! The use cases that create, list, change and delete conversations.

use std::sync::Arc;

use webchat_domain::{Conversation, ConversationChange, ConversationId, IdempotencyKey, UserId};
use webchat_persistence::rules::ITEM_OVERHEAD_BYTES;
use webchat_persistence::{ArchiveFilter, Cursor, Edit, EditOutcome, ListOrder, Page};

use crate::error::ChatError;
use crate::runtime::core::Core;
use crate::runtime::limits::PerUserLimit;
use crate::turns::stopper::TurnStopper;

/// The page size when all conversations are read.
const PAGE_SIZE: u32 = 100;

/// The use cases of conversations and their messages.
#[derive(Clone)]
pub struct Conversations {
    pub(super) core: Arc<Core>,
    stopper: TurnStopper,
    /// Limits the concurrent saves of each user.
    pub(super) saves: PerUserLimit,
}

impl Conversations {
    pub(crate) fn new(core: &Arc<Core>, stopper: TurnStopper) -> Self {
        Self { core: Arc::clone(core), stopper, saves: PerUserLimit::default() }
    }

    /// Starts an empty conversation, which is not listed yet. Repeating a call with the same key returns the first call's
    /// conversation in its current state.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`] while the key's conversation is being deleted;
    /// [`ChatError::StorageFull`]; an error of the store if the conversation can't be stored.
    pub async fn start(
        &self,
        user_id: UserId,
        key: Option<&IdempotencyKey>,
    ) -> Result<Conversation, ChatError> {
        self.core.reserve_storage(user_id, ITEM_OVERHEAD_BYTES.into()).await?;
        let id = ConversationId::from_idempotency_key(user_id, key);
        let now = self.core.now();
        let Some(started) = self.core.ports.conversations.create(user_id, id, now).await? else {
            return self.find(user_id, id).await;
        };
        Ok(started)
    }

    /// Returns the conversation.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`] if the user has no such conversation.
    pub async fn find(
        &self,
        user_id: UserId,
        id: ConversationId,
    ) -> Result<Conversation, ChatError> {
        self.core.find_conversation(user_id, id).await
    }

    /// Returns a page of the user's conversations after the cursor `after`, except empty ones, most recently changed
    /// first.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn list(
        &self,
        user_id: UserId,
        filter: ArchiveFilter,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<Conversation>, ChatError> {
        self.page(user_id, filter, ListOrder::Updated, after, limit).await
    }

    /// Returns the number of the user's conversations, with archived and empty ones.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn count(&self, user_id: UserId) -> Result<u64, ChatError> {
        Ok(self.core.ports.conversations.count(user_id).await?)
    }

    /// Returns all of the user's conversations, including archived and empty ones, most recently created first.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn list_all(&self, user_id: UserId) -> Result<Vec<Conversation>, ChatError> {
        let mut all = Vec::new();
        let mut after = None;
        loop {
            let (filter, order) = (ArchiveFilter::All, ListOrder::Created);
            let page = self.page(user_id, filter, order, after, PAGE_SIZE).await?;
            all.extend(page.items);
            after = page.next;
            if after.is_none() {
                return Ok(all);
            }
        }
    }

    /// Changes the title or the archived state, and publishes the change.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`] if the user has no such conversation;
    /// [`ChatError::RevisionConflict`] if the conversation differs from the expected state.
    pub async fn edit(
        &self,
        user_id: UserId,
        id: ConversationId,
        edit: Edit,
    ) -> Result<Conversation, ChatError> {
        let Edit { title, archived, .. } = edit.clone();
        let edited = match self.core.ports.conversations.edit(user_id, id, edit).await? {
            EditOutcome::Stored(edited) => edited,
            EditOutcome::Conflict => return Err(ChatError::RevisionConflict),
            EditOutcome::NotFound => return Err(ChatError::ConversationNotFound),
        };
        self.core.notify_list(user_id, Some(id)).await;
        if let Some(title) = title {
            self.core.publish_change(id, ConversationChange::Title { title }).await?;
        }
        if let Some(archived) = archived {
            self.core.publish_change(id, ConversationChange::Archived { archived }).await?;
        }
        Ok(edited)
    }

    /// Deletes the conversation with its messages and saved files, stops its running turn, and publishes the deletion.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`] if the user has no such conversation.
    pub async fn delete(&self, user_id: UserId, id: ConversationId) -> Result<(), ChatError> {
        self.find(user_id, id).await?;
        // Delete the files first: if this fails, the user can retry as long as the conversation exists.
        self.delete_saved_histories(user_id, id).await?;
        if !self.core.ports.conversations.delete(user_id, id).await? {
            return Err(ChatError::ConversationNotFound);
        }
        self.stop_turn_and_publish(user_id, id, ConversationChange::Deleted).await
    }

    /// Removes the conversation's messages and context, stops its running turn, and publishes the reset.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`] if the user has no such conversation.
    pub async fn reset(&self, user_id: UserId, id: ConversationId) -> Result<(), ChatError> {
        if !self.core.ports.conversations.reset(user_id, id, self.core.now()).await? {
            return Err(ChatError::ConversationNotFound);
        }
        self.stop_turn_and_publish(user_id, id, ConversationChange::Reset).await
    }

    async fn stop_turn_and_publish(
        &self,
        user_id: UserId,
        id: ConversationId,
        change: ConversationChange,
    ) -> Result<(), ChatError> {
        self.stopper.stop_or_log(user_id, id).await;
        self.core.notify_list(user_id, Some(id)).await;
        self.core.publish_change(id, change).await
    }

    async fn page(
        &self,
        user_id: UserId,
        filter: ArchiveFilter,
        order: ListOrder,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<Conversation>, ChatError> {
        Ok(self.core.ports.conversations.list(user_id, filter, order, after, limit).await?)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use webchat_domain::Title;

    use super::*;
    use crate::testing::{QUESTION, TestChat, settle};

    #[tokio::test(start_paused = true)]
    async fn deleting_a_conversation_stops_its_turn_and_removes_it() {
        let test = TestChat::new().await;
        let request = test.ask(QUESTION).await;
        request.send_text("Hm").await;
        settle().await;

        test.chat.conversations.delete(test.user_id, test.conversation_id).await.unwrap();
        settle().await;

        assert!(request.is_cancelled());
        let published: HashSet<String> = test.published().await.split_off(3).into_iter().collect();
        let expected = ["deleted", "end: Stopped, Stopped", "usage: 14"].map(str::to_owned);
        assert_eq!(published, HashSet::from(expected));
        let found = test.chat.conversations.find(test.user_id, test.conversation_id).await;
        assert_eq!(found.unwrap_err().code(), "conversation_not_found");
    }

    #[tokio::test(start_paused = true)]
    async fn resetting_a_conversation_stops_its_turn_and_removes_its_messages() {
        let test = TestChat::new().await;
        let request = test.ask(QUESTION).await;
        request.send_text("Hm").await;
        settle().await;
        test.chat
            .contexts
            .add_example(test.user_id, test.conversation_id, None, QUESTION.into(), "4".into())
            .await
            .unwrap();

        test.chat.conversations.reset(test.user_id, test.conversation_id).await.unwrap();
        settle().await;
        test.ask_and_answer("Again", "Yes.").await;

        assert!(request.is_cancelled());
        let contents: Vec<String> =
            test.messages().await.into_iter().map(|message| message.content).collect();
        assert_eq!(contents, ["Again", "Yes."]);
        assert!(test.published().await.contains(&"reset".to_owned()));
        assert_eq!(
            test.chat.contexts.examples(test.user_id, test.conversation_id).await.unwrap(),
            []
        );
        let by_other_user =
            test.chat.conversations.reset(UserId::generate(), test.conversation_id).await;
        assert_eq!(by_other_user.unwrap_err().code(), "conversation_not_found");
    }

    #[tokio::test(start_paused = true)]
    async fn an_edit_is_stored_and_published() {
        let test = TestChat::new().await;
        let title = Title::try_from("Tides".to_owned()).ok();
        let edit = Edit { title: title.clone(), archived: Some(true), expected: None };

        let edited =
            test.chat.conversations.edit(test.user_id, test.conversation_id, edit).await.unwrap();

        assert_eq!((&edited.title, edited.archived), (&title, true));
        assert_eq!(test.conversation().await, edited);
        assert_eq!(test.published().await, ["title: Tides", "archived: true"]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_edit_that_expects_another_state_is_a_conflict() {
        let test = TestChat::new().await;
        let before = test.conversation().await;
        test.ask_and_answer(QUESTION, "4").await;
        let published = test.published().await;
        let expected = Some(before);

        let edit = Edit { archived: Some(true), expected, ..Edit::default() };
        let result = test.chat.conversations.edit(test.user_id, test.conversation_id, edit).await;

        assert!(matches!(result, Err(ChatError::RevisionConflict)), "{result:?}");
        assert!(!test.conversation().await.archived);
        assert_eq!(test.published().await, published);
    }

    #[tokio::test(start_paused = true)]
    async fn another_user_can_neither_edit_nor_delete_a_conversation() {
        let test = TestChat::new().await;
        let request = test.ask(QUESTION).await;
        let other_user = UserId::generate();
        let title = Title::try_from("Mine".to_owned()).ok();
        let edit = Edit { title, ..Edit::default() };

        let renamed = test.chat.conversations.edit(other_user, test.conversation_id, edit).await;
        let deleted = test.chat.conversations.delete(other_user, test.conversation_id).await;
        settle().await;

        assert_eq!(renamed.unwrap_err().code(), "conversation_not_found");
        assert_eq!(deleted.unwrap_err().code(), "conversation_not_found");
        assert!(!request.is_cancelled());
        assert_eq!(test.published().await, ["accepted: 2 + 2 = 4", "title: 2 + 2 = 4"]);
    }

    #[tokio::test(start_paused = true)]
    async fn listing_all_conversations_spans_pages() {
        let test = TestChat::new().await;
        let mut started = HashSet::from([test.conversation_id]);
        for _ in 0..PAGE_SIZE {
            let conversation = test.chat.conversations.start(test.user_id, None).await.unwrap();
            started.insert(conversation.conversation_id);
        }

        let all = test.chat.conversations.list_all(test.user_id).await.unwrap();

        let listed = all.iter().map(|conversation| conversation.conversation_id);
        assert_eq!(all.len(), started.len());
        assert_eq!(listed.collect::<HashSet<_>>(), started);
    }
}
