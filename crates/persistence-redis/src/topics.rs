use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};
use webchat_domain::ConversationId;

/// The conversations that somebody in this process waits for.
#[derive(Default)]
pub(crate) struct Topics {
    by_conversation: Mutex<HashMap<ConversationId, Topic>>,
    joined: Notify,
}

struct Topic {
    latest: watch::Sender<u64>,
    is_subscribed: bool,
    was_idle: bool,
}

impl Topics {
    /// The newest number of a conversation, as it becomes known.
    pub(crate) fn join(&self, id: ConversationId) -> watch::Receiver<u64> {
        let mut topics = self.lock();
        let topic = topics.entry(id).or_insert_with(|| {
            self.joined.notify_one();
            Topic { latest: watch::Sender::new(0), is_subscribed: false, was_idle: false }
        });
        topic.latest.subscribe()
    }

    /// Ends when a conversation was joined that nobody waited for before.
    pub(crate) async fn joined(&self) {
        self.joined.notified().await;
    }

    /// Some of those whose numbers Redis does not tell yet.
    pub(crate) fn unsubscribed(&self, most: usize) -> Vec<ConversationId> {
        let topics = self.lock();
        let unsubscribed = topics.iter().filter(|(_, topic)| !topic.is_subscribed);
        unsubscribed.map(|(id, _)| *id).take(most).collect()
    }

    /// From now on Redis tells its numbers.
    pub(crate) fn subscribed(&self, id: ConversationId) {
        if let Some(topic) = self.lock().get_mut(&id) {
            topic.is_subscribed = true;
        }
    }

    /// Redis tells nothing any more.
    pub(crate) fn all_unsubscribed(&self) {
        for topic in self.lock().values_mut() {
            topic.is_subscribed = false;
        }
    }

    /// Wakes those who wait for it.
    pub(crate) fn tell(&self, id: ConversationId, seq: u64) {
        if let Some(topic) = self.lock().get(&id) {
            topic.latest.send_if_modified(|latest| {
                let is_newer = *latest < seq;
                *latest = seq.max(*latest);
                is_newer
            });
        }
    }

    /// Removes those that nobody has waited for since the sweep before, so that a reader who comes
    /// back at once finds its topic still there.
    pub(crate) fn sweep(&self) -> Vec<ConversationId> {
        let is_left = |_: &ConversationId, topic: &mut Topic| {
            let is_idle = topic.latest.receiver_count() == 0;
            let is_left = is_idle && topic.was_idle;
            topic.was_idle = is_idle;
            is_left
        };
        self.lock().extract_if(is_left).map(|(id, _)| id).collect()
    }

    /// A panic while the lock was held leaves whole values behind: go on with them.
    fn lock(&self) -> MutexGuard<'_, HashMap<ConversationId, Topic>> {
        self.by_conversation.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
