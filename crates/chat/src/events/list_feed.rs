//! The feed of changed conversations, to which clients subscribe to keep their list current.

use std::collections::{HashMap, VecDeque};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};
use webchat_domain::{Conversation, ConversationId, UserId, error_chain};
use webchat_persistence::{Conversations, StoreError};

/// The maximum number of pending changed conversations of one subscriber.
const MAX_PENDING: usize = 1_024;

/// The interval between attempts to read the store after a failure.
const READ_RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// The minimum time between two deliveries of one conversation in a row. A turn changes its conversation twice, and a
/// short one should cost each subscriber one read.
const MIN_INTERVAL: Duration = Duration::from_millis(100);

/// The list subscriptions of this instance, by user.
#[derive(Default)]
pub(crate) struct ListFeed {
    subscribers: Mutex<HashMap<UserId, Vec<Arc<Pending>>>>,
}

/// A subscription to a user's list of conversations, read at the subscriber's pace. It delivers the
/// latest state of each changed conversation once, even if the conversation changed several times.
pub struct ListSubscription {
    feed: Arc<ListFeed>,
    conversations: Arc<dyn Conversations>,
    user_id: UserId,
    pending: Arc<Pending>,
    /// The last delivered conversation, and when it was read.
    last: Option<(ConversationId, Instant)>,
}

/// A change of an entry in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListChange {
    /// The conversation was changed; this is its current state. Empty conversations are not listed.
    Listed(Conversation),
    /// The conversation was deleted.
    Unlisted(ConversationId),
    /// Many conversations changed: the client should read the complete list again.
    Many,
}

/// The changed conversations that one subscriber has not received yet.
#[derive(Default)]
struct Pending {
    changed: Mutex<Changed>,
    wake: Notify,
}

#[derive(Default)]
struct Changed {
    /// Distinct ids, oldest change first.
    ids: VecDeque<ConversationId>,
    /// Whether more conversations changed than `ids` may hold.
    has_overflowed: bool,
}

impl ListFeed {
    pub(crate) fn subscribe(
        self: &Arc<Self>,
        user_id: UserId,
        conversations: Arc<dyn Conversations>,
    ) -> ListSubscription {
        let pending = Arc::new(Pending::default());
        self.lock().entry(user_id).or_default().push(Arc::clone(&pending));
        ListSubscription { feed: Arc::clone(self), conversations, user_id, pending, last: None }
    }

    pub(crate) fn has_subscribers(&self) -> bool {
        !self.lock().is_empty()
    }

    fn unsubscribe(&self, user_id: UserId, pending: &Arc<Pending>) {
        let mut subscribers = self.lock();
        if let Some(user_subscribers) = subscribers.get_mut(&user_id) {
            user_subscribers.retain(|other| !Arc::ptr_eq(other, pending));
            if user_subscribers.is_empty() {
                subscribers.remove(&user_id);
            }
        }
    }

    /// Notifies the user's subscribers on this instance. If `id` is `None`, many conversations changed.
    pub(crate) fn notify(&self, user_id: UserId, id: Option<ConversationId>) {
        for pending in self.lock().get(&user_id).into_iter().flatten() {
            pending.add(id);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, Vec<Arc<Pending>>>> {
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pending {
    fn add(&self, id: Option<ConversationId>) {
        let mut changed = self.lock();
        match id {
            Some(id) if changed.has_overflowed || changed.ids.contains(&id) => return,
            Some(id) if changed.ids.len() < MAX_PENDING => changed.ids.push_back(id),
            _ => *changed = Changed { ids: VecDeque::new(), has_overflowed: true },
        }
        self.wake.notify_one();
    }

    /// Returns the next changed conversation, or `None` if many changed.
    async fn next(&self) -> Option<ConversationId> {
        loop {
            {
                let mut changed = self.lock();
                if mem::take(&mut changed.has_overflowed) {
                    return None;
                }
                if let Some(id) = changed.ids.pop_front() {
                    return Some(id);
                }
            }
            self.wake.notified().await;
        }
    }

    /// Removes a conversation whose current state is about to be read.
    fn remove(&self, id: ConversationId) {
        self.lock().ids.retain(|pending| *pending != id);
    }

    fn lock(&self) -> MutexGuard<'_, Changed> {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ListSubscription {
    /// Waits for the next change. While the store can't be read, retries every second.
    ///
    /// # Cancel safety
    ///
    /// This method is not cancel safe: dropping the future may lose a change.
    pub async fn next(&mut self) -> ListChange {
        loop {
            let Some(id) = self.pending.next().await else { return ListChange::Many };
            if let Some(change) = self.read_next(id).await {
                return change;
            }
        }
    }

    /// Returns the current state of this changed conversation, or `None` if it is empty.
    async fn read_next(&mut self, id: ConversationId) -> Option<ListChange> {
        if let Some((_, read_at)) = self.last.filter(|(last, _)| *last == id) {
            sleep_until(read_at + MIN_INTERVAL).await;
            self.pending.remove(id);
        }
        self.last = Some((id, Instant::now()));
        loop {
            match self.read(id).await {
                Ok(change) => return change,
                Err(error) => {
                    let error = error_chain(&error);
                    tracing::debug!(conversation_id = %id, error, "failed to read list change");
                    sleep(READ_RETRY_INTERVAL).await;
                }
            }
        }
    }

    async fn read(&self, id: ConversationId) -> Result<Option<ListChange>, StoreError> {
        let Some(found) = self.conversations.find(self.user_id, id).await? else {
            return Ok(Some(ListChange::Unlisted(id)));
        };
        Ok((!found.is_empty()).then_some(ListChange::Listed(found)))
    }
}

impl Drop for ListSubscription {
    fn drop(&mut self) {
        self.feed.unsubscribe(self.user_id, &self.pending);
    }
}

#[cfg(test)]
mod tests {
    use webchat_domain::{FinishReason, Title};
    use webchat_persistence::Edit;

    use super::*;
    use crate::testing::{ANSWER, QUESTION, TestChat, expect_soon, settle};

    async fn chat_with_background_tasks() -> TestChat {
        let test = TestChat::new().await;
        test.chat.spawn_background_tasks();
        settle().await;
        test
    }

    fn title(text: &str) -> Title {
        Title::try_from(text.to_owned()).unwrap()
    }

    async fn next_listed(list: &mut ListSubscription) -> Conversation {
        match expect_soon(list.next()).await {
            ListChange::Listed(conversation) => conversation,
            other => panic!("expected a listed conversation, got {other:?}"),
        }
    }

    fn has_no_pending_change(list: &ListSubscription) -> bool {
        list.pending.lock().ids.is_empty()
    }

    #[tokio::test(start_paused = true)]
    async fn every_change_of_a_conversation_delivers_its_current_state() {
        let test = chat_with_background_tasks().await;
        let mut list = test.chat.events.subscribe_to_list(test.user_id);

        let empty = test.chat.conversations.start(test.user_id, None).await.unwrap();
        let archive = Edit { archived: Some(true), ..Edit::default() };
        test.chat.conversations.edit(test.user_id, empty.conversation_id, archive).await.unwrap();
        let request = test.ask(QUESTION).await;
        let with_question = next_listed(&mut list).await;
        request.send_text(ANSWER).await;
        request.finish(FinishReason::Stop).await;
        settle().await;
        let with_answer = next_listed(&mut list).await;
        test.rename(test.conversation_id, title("Sums")).await;
        let renamed = next_listed(&mut list).await;
        test.chat.conversations.reset(test.user_id, test.conversation_id).await.unwrap();
        let after_reset = next_listed(&mut list).await;
        test.chat.conversations.delete(test.user_id, test.conversation_id).await.unwrap();

        assert_eq!(with_question.conversation_id, test.conversation_id, "an empty one was listed");
        assert_eq!(with_question.title, Some(title(QUESTION)));
        assert_eq!((with_question.total_tokens, with_answer.total_tokens), (7, 13));
        assert_eq!((renamed.title, renamed.message_count), (Some(title("Sums")), 2));
        assert_eq!(after_reset.message_count, 0);
        assert_eq!(expect_soon(list.next()).await, ListChange::Unlisted(test.conversation_id));
        assert!(has_no_pending_change(&list));
    }

    #[tokio::test(start_paused = true)]
    async fn a_generated_title_is_delivered() {
        let test = TestChat::with_settings(|settings| settings.auto_titles = true).await;
        test.chat.spawn_background_tasks();
        test.ask_and_answer(QUESTION, ANSWER).await;
        let mut list = test.chat.events.subscribe_to_list(test.user_id);

        let title_request = test.model.next_request().await;
        title_request.send_text("Sums").await;
        title_request.finish(FinishReason::Stop).await;

        assert_eq!(next_listed(&mut list).await.title, Some(title("Sums")));
    }

    #[tokio::test(start_paused = true)]
    async fn other_users_receive_no_list_change() {
        let test = chat_with_background_tasks().await;
        let other_users_list = test.chat.events.subscribe_to_list(UserId::generate());

        test.ask_and_answer(QUESTION, ANSWER).await;

        assert!(has_no_pending_change(&other_users_list));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_subscriber_receives_the_latest_state_of_each_conversation_once() {
        let test = chat_with_background_tasks().await;
        let other =
            test.chat.conversations.start(test.user_id, None).await.unwrap().conversation_id;
        settle().await;
        let mut list = test.chat.events.subscribe_to_list(test.user_id);

        for number in 0..50 {
            let title = title(&number.to_string());
            test.rename(test.conversation_id, title.clone()).await;
            test.rename(other, title).await;
        }
        settle().await;

        for id in [test.conversation_id, other] {
            let latest = next_listed(&mut list).await;
            assert_eq!((latest.conversation_id, latest.title), (id, Some(title("49"))));
        }
        assert!(has_no_pending_change(&list));
    }

    #[tokio::test(start_paused = true)]
    async fn changes_in_quick_succession_are_delivered_as_one() {
        let test = chat_with_background_tasks().await;
        let mut list = test.chat.events.subscribe_to_list(test.user_id);
        test.rename(test.conversation_id, title("first")).await;
        let first = next_listed(&mut list).await;
        for number in 0..10 {
            test.rename(test.conversation_id, title(&number.to_string())).await;
            settle().await;
        }

        let newest = next_listed(&mut list).await;

        assert_eq!((first.title, newest.title), (Some(title("first")), Some(title("9"))));
        assert!(has_no_pending_change(&list));
    }

    #[tokio::test(start_paused = true)]
    async fn a_subscriber_that_missed_many_changes_is_notified_and_continues() {
        let test = chat_with_background_tasks().await;
        let mut list = test.chat.events.subscribe_to_list(test.user_id);

        for _ in 0..=2 * MAX_PENDING {
            test.chat.core.lists.notify(test.user_id, Some(ConversationId::generate()));
        }
        let pending = list.pending.lock().ids.len();
        let change = expect_soon(list.next()).await;
        test.rename(test.conversation_id, title("Sums")).await;

        assert_eq!((pending, change), (0, ListChange::Many));
        assert_eq!(next_listed(&mut list).await.title, Some(title("Sums")));
    }

    #[tokio::test(start_paused = true)]
    async fn a_dropped_subscription_is_removed() {
        let test = chat_with_background_tasks().await;
        let (one, other) = (
            test.chat.events.subscribe_to_list(test.user_id),
            test.chat.events.subscribe_to_list(test.user_id),
        );

        drop(one);
        let remaining = test.chat.core.lists.lock().get(&test.user_id).unwrap().len();
        drop(other);

        assert_eq!(remaining, 1);
        assert!(test.chat.core.lists.lock().is_empty());
    }
}
