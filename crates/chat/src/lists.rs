use std::collections::{HashMap, VecDeque};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;
use webchat_domain::{Conversation, ConversationId, UserId};
use webchat_persistence::StoreError;

use crate::Events;
use crate::core::Core;
use crate::fault::cause;

/// Changed conversations that may wait for one follower.
const MOST_WAITING: usize = 1_024;

/// How long a follower waits for a store that can't be read.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Who follows whose list on this instance.
#[derive(Default)]
pub(crate) struct Lists {
    followers: Mutex<HashMap<UserId, Vec<Arc<Waiting>>>>,
}

/// A client that follows its user's list of conversations, at its own pace. It is told the newest
/// state of each conversation, however often that changed.
pub struct ListSubscription {
    core: Arc<Core>,
    user_id: UserId,
    waiting: Arc<Waiting>,
}

/// What became of an entry of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListChange {
    /// It is new, or changed: as it is now.
    Listed(Conversation),
    /// It is gone.
    Unlisted(ConversationId),
    /// So many have changed that the whole list should be read again.
    Many,
}

/// The changed conversations that one follower has not been told yet.
#[derive(Default)]
struct Waiting {
    changed: Mutex<Changed>,
    has_news: Notify,
}

#[derive(Default)]
struct Changed {
    /// Each once, the one that has waited longest first.
    ids: VecDeque<ConversationId>,
    /// Others too, of which it is not known which.
    are_many: bool,
}

impl Events {
    /// Follows the owner's list of conversations from now on, on whichever instance it changes. What
    /// changes while instances can't reach each other is not told.
    #[must_use]
    pub fn subscribe_to_list(&self, user_id: UserId) -> ListSubscription {
        let waiting = self.core.lists.join(user_id);
        ListSubscription { core: Arc::clone(&self.core), user_id, waiting }
    }
}

impl Lists {
    fn join(&self, user_id: UserId) -> Arc<Waiting> {
        let waiting = Arc::new(Waiting::default());
        self.lock().entry(user_id).or_default().push(Arc::clone(&waiting));
        waiting
    }

    fn leave(&self, user_id: UserId, waiting: &Arc<Waiting>) {
        let mut followers = self.lock();
        if let Some(of_owner) = followers.get_mut(&user_id) {
            of_owner.retain(|other| !Arc::ptr_eq(other, waiting));
            if of_owner.is_empty() {
                followers.remove(&user_id);
            }
        }
    }

    pub(crate) fn tell(&self, user_id: UserId, id: Option<ConversationId>) {
        for waiting in self.lock().get(&user_id).into_iter().flatten() {
            waiting.add(id);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, Vec<Arc<Waiting>>>> {
        self.followers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn add(&self, id: Option<ConversationId>) {
        let mut changed = self.lock();
        match id {
            Some(id) if changed.are_many || changed.ids.contains(&id) => return,
            Some(id) if changed.ids.len() < MOST_WAITING => changed.ids.push_back(id),
            _ => *changed = Changed { ids: VecDeque::new(), are_many: true },
        }
        self.has_news.notify_one();
    }

    /// `None`: many.
    async fn next(&self) -> Option<ConversationId> {
        loop {
            {
                let mut changed = self.lock();
                if mem::take(&mut changed.are_many) {
                    return None;
                }
                if let Some(id) = changed.ids.pop_front() {
                    return Some(id);
                }
            }
            self.has_news.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Changed> {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ListSubscription {
    /// Waits for the next change. While the store can't be read, it is tried again each second.
    ///
    /// # Cancellation
    /// Dropping the future may lose a change.
    pub async fn next(&mut self) -> ListChange {
        let Some(id) = self.waiting.next().await else { return ListChange::Many };
        loop {
            match self.read(id).await {
                Ok(change) => return change,
                Err(error) => {
                    tracing::debug!(conversation_id = %id, error = cause(&error), "not listed yet");
                    sleep(READ_AGAIN_AFTER).await;
                }
            }
        }
    }

    async fn read(&self, id: ConversationId) -> Result<ListChange, StoreError> {
        let found = self.core.ports.conversations.find(self.user_id, id).await?;
        Ok(found.map_or(ListChange::Unlisted(id), ListChange::Listed))
    }
}

impl Drop for ListSubscription {
    fn drop(&mut self) {
        self.core.lists.leave(self.user_id, &self.waiting);
    }
}

#[cfg(test)]
mod tests {
    use webchat_domain::{FinishReason, Title};

    use super::*;
    use crate::testing::{ANSWER, QUESTION, Room, settle, soon};

    async fn room() -> Room {
        let room = Room::open().await;
        room.chat.spawn_background_tasks();
        settle().await;
        room
    }

    fn title(text: &str) -> Title {
        Title::try_from(text.to_owned()).unwrap()
    }

    async fn listed(list: &mut ListSubscription) -> Conversation {
        match soon(list.next()).await {
            ListChange::Listed(conversation) => conversation,
            other => panic!("not listed: {other:?}"),
        }
    }

    fn is_quiet(list: &ListSubscription) -> bool {
        list.waiting.lock().ids.is_empty()
    }

    #[tokio::test(start_paused = true)]
    async fn whatever_changes_an_entry_is_told_with_its_newest_state() {
        let room = room().await;
        let mut list = room.chat.events.subscribe_to_list(room.user_id);

        let begun = room.chat.conversations.start(room.user_id, None).await.unwrap();
        assert_eq!(listed(&mut list).await, begun);
        let asked = room.ask(QUESTION).await;
        let with_question = listed(&mut list).await;
        asked.say(ANSWER).await;
        asked.finish(FinishReason::Stop).await;
        settle().await;
        let with_answer = listed(&mut list).await;
        room.rename(room.id, title("Sums")).await;
        let renamed = listed(&mut list).await;
        room.chat.conversations.reset(room.user_id, room.id).await.unwrap();
        let emptied = listed(&mut list).await;
        room.chat.conversations.delete(room.user_id, room.id).await.unwrap();

        assert_eq!(with_question.title, Some(title(QUESTION)));
        assert_eq!((with_question.total_tokens, with_answer.total_tokens), (7, 13));
        assert_eq!((renamed.title, renamed.message_count), (Some(title("Sums")), 2));
        assert_eq!(emptied.message_count, 0);
        assert_eq!(soon(list.next()).await, ListChange::Unlisted(room.id));
        assert!(is_quiet(&list));
    }

    #[tokio::test(start_paused = true)]
    async fn a_title_from_the_model_is_told() {
        let room = Room::open_with(|settings| settings.auto_titles = true).await;
        room.chat.spawn_background_tasks();
        room.ask_and_answer(QUESTION, ANSWER).await;
        let mut list = room.chat.events.subscribe_to_list(room.user_id);

        let asked_for_title = room.model.asked().await;
        asked_for_title.say("Sums").await;
        asked_for_title.finish(FinishReason::Stop).await;

        assert_eq!(listed(&mut list).await.title, Some(title("Sums")));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_else_hears_of_it() {
        let room = room().await;
        let strangers = room.chat.events.subscribe_to_list(UserId::generate());

        room.ask_and_answer(QUESTION, ANSWER).await;

        assert!(is_quiet(&strangers));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_follower_gets_the_newest_state_of_each_once() {
        let room = room().await;
        let other =
            room.chat.conversations.start(room.user_id, None).await.unwrap().conversation_id;
        settle().await;
        let mut list = room.chat.events.subscribe_to_list(room.user_id);

        for number in 0..50 {
            let title = title(&number.to_string());
            room.rename(room.id, title.clone()).await;
            room.rename(other, title).await;
        }
        settle().await;

        for id in [room.id, other] {
            let newest = listed(&mut list).await;
            assert_eq!((newest.conversation_id, newest.title), (id, Some(title("49"))));
        }
        assert!(is_quiet(&list));
    }

    #[tokio::test(start_paused = true)]
    async fn a_follower_far_behind_is_told_to_read_all_of_it_and_goes_on() {
        let room = room().await;
        let mut list = room.chat.events.subscribe_to_list(room.user_id);

        for _ in 0..=2 * MOST_WAITING {
            room.chat.core.lists.tell(room.user_id, Some(ConversationId::generate()));
        }
        let waiting = list.waiting.lock().ids.len();
        let far_behind = soon(list.next()).await;
        room.rename(room.id, title("Sums")).await;

        assert_eq!((waiting, far_behind), (0, ListChange::Many));
        assert_eq!(listed(&mut list).await.title, Some(title("Sums")));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_left_is_forgotten() {
        let room = room().await;
        let (one, other) = (
            room.chat.events.subscribe_to_list(room.user_id),
            room.chat.events.subscribe_to_list(room.user_id),
        );

        drop(one);
        let left = room.chat.core.lists.lock().get(&room.user_id).unwrap().len();
        drop(other);

        assert_eq!(left, 1);
        assert!(room.chat.core.lists.lock().is_empty());
    }
}
