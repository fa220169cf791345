use webchat_domain::{Conversation, ConversationChange, ConversationId, IdempotencyKey, UserId};
use webchat_persistence::{ArchiveFilter, Cursor, Edit, EditOutcome, ListOrder, Page};

use crate::core::Core;
use crate::{ChatError, Conversations};

/// Conversations read at a time where all are wanted.
const PAGE: u32 = 100;

impl Conversations {
    /// Starts an empty conversation. Under a key that started one before, it is that one as it is now.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`] where the key's conversation is being deleted; when the
    /// store can't keep it.
    pub async fn start(
        &self,
        user_id: UserId,
        key: Option<&IdempotencyKey>,
    ) -> Result<Conversation, ChatError> {
        let id = ConversationId::of_key(user_id, key);
        let now = self.core.ports.clock.now();
        let Some(started) = self.core.ports.conversations.create(user_id, id, now).await? else {
            return self.find(user_id, id).await;
        };
        self.core.notify_list(user_id, Some(id)).await;
        Ok(started)
    }

    /// The conversation.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`], also when it is somebody else's.
    pub async fn find(
        &self,
        user_id: UserId,
        id: ConversationId,
    ) -> Result<Conversation, ChatError> {
        self.core.find_conversation(user_id, id).await
    }

    /// A page of the owner's conversations on this shelf, the most recently changed first, behind
    /// `after`.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn list(
        &self,
        user_id: UserId,
        which: ArchiveFilter,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<Conversation>, ChatError> {
        let order = ListOrder::Updated;
        Ok(self.core.ports.conversations.list(user_id, which, order, after, limit).await?)
    }

    /// All of the owner's conversations, archived ones too, the most recently started first.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn list_all(&self, user_id: UserId) -> Result<Vec<Conversation>, ChatError> {
        let mut all = Vec::new();
        let mut after = None;
        loop {
            let order = ListOrder::Created;
            let page = self
                .core
                .ports
                .conversations
                .list(user_id, ArchiveFilter::All, order, after, PAGE)
                .await?;
            all.extend(page.items);
            after = page.next;
            if after.is_none() {
                return Ok(all);
            }
        }
    }

    /// Changes what its owner says of it, and tells its followers.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`], also when it is somebody else's;
    /// [`ChatError::RevisionConflict`] when it is not as it is expected to be.
    pub async fn edit(
        &self,
        user_id: UserId,
        id: ConversationId,
        edit: Edit,
    ) -> Result<Conversation, ChatError> {
        let now = self.core.ports.clock.now();
        let Edit { title, archived, .. } = edit.clone();
        let edited = match self.core.ports.conversations.edit(user_id, id, edit, now).await? {
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

    /// Deletes it with its messages, ends a turn that runs in it, and tells its followers.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`], also when it is somebody else's.
    pub async fn delete(&self, user_id: UserId, id: ConversationId) -> Result<(), ChatError> {
        if !self.core.ports.conversations.delete(user_id, id).await? {
            return Err(ChatError::ConversationNotFound);
        }
        self.core.stop_orphaned(user_id, id).await;
        self.core.notify_list(user_id, Some(id)).await;
        self.core.publish_change(id, ConversationChange::Deleted).await
    }

    /// Empties it: its messages and its context go. A turn that runs in it is ended, and its followers
    /// are told.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`], also when it is somebody else's.
    pub async fn reset(&self, user_id: UserId, id: ConversationId) -> Result<(), ChatError> {
        let now = self.core.ports.clock.now();
        if !self.core.ports.conversations.reset(user_id, id, now).await? {
            return Err(ChatError::ConversationNotFound);
        }
        self.core.stop_orphaned(user_id, id).await;
        self.core.notify_list(user_id, Some(id)).await;
        self.core.publish_change(id, ConversationChange::Reset).await
    }
}

impl Core {
    pub(crate) async fn find_conversation(
        &self,
        user_id: UserId,
        id: ConversationId,
    ) -> Result<Conversation, ChatError> {
        let found = self.ports.conversations.find(user_id, id).await?;
        found.ok_or(ChatError::ConversationNotFound)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use webchat_domain::Title;

    use super::*;
    use crate::testing::{QUESTION, Room, settle};

    #[tokio::test(start_paused = true)]
    async fn deleting_a_conversation_ends_its_turn_and_leaves_nothing() {
        let room = Room::open().await;
        let asked = room.ask(QUESTION).await;
        asked.say("Hm").await;
        settle().await;

        room.chat.conversations.delete(room.user_id, room.id).await.unwrap();
        settle().await;

        assert!(asked.is_dropped());
        let told: HashSet<String> = room.told().await.split_off(3).into_iter().collect();
        let expected = ["deleted", "end: Stopped, Stopped", "usage: 14"].map(str::to_owned);
        assert_eq!(told, HashSet::from(expected));
        let found = room.chat.conversations.find(room.user_id, room.id).await;
        assert_eq!(found.unwrap_err().code(), "conversation_not_found");
    }

    #[tokio::test(start_paused = true)]
    async fn resetting_a_conversation_ends_its_turn_and_empties_it() {
        let room = Room::open().await;
        let asked = room.ask(QUESTION).await;
        asked.say("Hm").await;
        settle().await;
        room.chat
            .contexts
            .add_example(room.user_id, room.id, None, QUESTION.into(), "4".into())
            .await
            .unwrap();

        room.chat.conversations.reset(room.user_id, room.id).await.unwrap();
        settle().await;
        room.ask_and_answer("Again", "Yes.").await;

        assert!(asked.is_dropped());
        let contents: Vec<String> =
            room.stored().await.into_iter().map(|message| message.content).collect();
        assert_eq!(contents, ["Again", "Yes."]);
        assert!(room.told().await.contains(&"reset".to_owned()));
        assert_eq!(room.chat.contexts.examples(room.user_id, room.id).await.unwrap(), []);
        let stranger = room.chat.conversations.reset(UserId::generate(), room.id).await;
        assert_eq!(stranger.unwrap_err().code(), "conversation_not_found");
    }

    #[tokio::test(start_paused = true)]
    async fn what_its_owner_says_of_it_is_stored_and_told() {
        let room = Room::open().await;
        let title = Title::try_from("Tides".to_owned()).ok();
        let edit = Edit { title: title.clone(), archived: Some(true), expected: None };

        let edited = room.chat.conversations.edit(room.user_id, room.id, edit).await.unwrap();

        assert_eq!((&edited.title, edited.archived), (&title, true));
        assert_eq!(room.conversation().await, edited);
        assert_eq!(room.told().await, ["title: Tides", "archived: true"]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_another_than_expected_is_not_changed() {
        let room = Room::open().await;
        let before = room.conversation().await;
        room.ask_and_answer(QUESTION, "4").await;
        let told = room.told().await;
        let expected = Some(before);

        let edit = Edit { archived: Some(true), expected, ..Edit::default() };
        let refused = room.chat.conversations.edit(room.user_id, room.id, edit).await;

        assert!(matches!(refused, Err(ChatError::RevisionConflict)), "{refused:?}");
        assert!(!room.conversation().await.archived);
        assert_eq!(room.told().await, told);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stranger_changes_nothing_and_tells_nothing() {
        let room = Room::open().await;
        let asked = room.ask(QUESTION).await;
        let stranger = UserId::generate();
        let title = Title::try_from("Mine".to_owned()).ok();
        let edit = Edit { title, ..Edit::default() };

        let renamed = room.chat.conversations.edit(stranger, room.id, edit).await;
        let deleted = room.chat.conversations.delete(stranger, room.id).await;
        settle().await;

        assert_eq!(renamed.unwrap_err().code(), "conversation_not_found");
        assert_eq!(deleted.unwrap_err().code(), "conversation_not_found");
        assert!(!asked.is_dropped());
        assert_eq!(room.told().await, ["accepted: 2 + 2 = 4", "title: 2 + 2 = 4"]);
    }

    #[tokio::test(start_paused = true)]
    async fn all_conversations_are_read_over_more_than_a_page() {
        let room = Room::open().await;
        let mut started = HashSet::from([room.id]);
        for _ in 0..PAGE {
            let conversation = room.chat.conversations.start(room.user_id, None).await.unwrap();
            started.insert(conversation.conversation_id);
        }

        let all = room.chat.conversations.list_all(room.user_id).await.unwrap();

        let listed = all.iter().map(|conversation| conversation.conversation_id);
        assert_eq!(all.len(), started.len());
        assert_eq!(listed.collect::<HashSet<_>>(), started);
    }
}
