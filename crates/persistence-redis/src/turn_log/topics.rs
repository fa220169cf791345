//! The conversations that readers wait for.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};
use webchat_domain::ConversationId;

/// The conversations that readers of this process wait for.
#[derive(Default)]
pub(super) struct Topics {
    by_conversation: Mutex<HashMap<ConversationId, Topic>>,
    joined: Notify,
}

struct Topic {
    latest: watch::Sender<u64>,
    is_subscribed: bool,
    was_idle: bool,
}

impl Topics {
    /// Returns a receiver of the conversation's newest sequence number, which notifications update.
    pub(super) fn join(&self, id: ConversationId) -> watch::Receiver<u64> {
        let mut topics = self.lock();
        let topic = topics.entry(id).or_insert_with(|| {
            self.joined.notify_one();
            Topic { latest: watch::Sender::new(0), is_subscribed: false, was_idle: false }
        });
        topic.latest.subscribe()
    }

    /// Waits until a conversation without readers gets its first reader.
    pub(super) async fn joined(&self) {
        self.joined.notified().await;
    }

    /// Returns up to `limit` conversations that are not subscribed to yet.
    pub(super) fn unsubscribed(&self, limit: usize) -> Vec<ConversationId> {
        let topics = self.lock();
        let unsubscribed = topics.iter().filter(|(_, topic)| !topic.is_subscribed);
        unsubscribed.map(|(id, _)| *id).take(limit).collect()
    }

    /// Records that a conversation is subscribed to.
    pub(super) fn set_subscribed(&self, id: ConversationId) {
        if let Some(topic) = self.lock().get_mut(&id) {
            topic.is_subscribed = true;
        }
    }

    /// Records that all subscriptions are lost.
    pub(super) fn set_all_unsubscribed(&self) {
        for topic in self.lock().values_mut() {
            topic.is_subscribed = false;
        }
    }

    /// Wakes the readers of a conversation if the sequence number is higher than the latest one.
    pub(super) fn notify(&self, id: ConversationId, seq: u64) {
        if let Some(topic) = self.lock().get(&id) {
            topic.latest.send_if_modified(|latest| {
                let is_newer = *latest < seq;
                *latest = seq.max(*latest);
                is_newer
            });
        }
    }

    /// Removes the conversations that have had no reader since the previous call, and returns them. A reader that
    /// returns soon finds its subscription.
    pub(super) fn remove_idle(&self) -> Vec<ConversationId> {
        let is_removed = |_: &ConversationId, topic: &mut Topic| {
            let is_idle = topic.latest.receiver_count() == 0;
            let is_removed = is_idle && topic.was_idle;
            topic.was_idle = is_idle;
            is_removed
        };
        self.lock().extract_if(is_removed).map(|(id, _)| id).collect()
    }

    /// Ignores poisoning, because the map is consistent even after a panic.
    fn lock(&self) -> MutexGuard<'_, HashMap<ConversationId, Topic>> {
        self.by_conversation.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
