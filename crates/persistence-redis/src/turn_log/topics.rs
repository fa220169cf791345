//! The conversations that readers wait for, and their newest events.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};
use webchat_domain::{ConversationId, Event};

use super::tail::Tail;
use super::update::Update;

/// The maximum memory of the newest events of all conversations.
const MAX_TOTAL_BYTES: usize = 16 * 1024 * 1024;

/// The conversations that readers of this process wait for. Readers of a conversation share its newest events, so that
/// these are read and parsed once.
#[derive(Default)]
pub(super) struct Topics {
    state: Mutex<State>,
    joined: Notify,
}

#[derive(Default)]
struct State {
    by_conversation: HashMap<ConversationId, Topic>,
    /// The memory of all tails.
    bytes: usize,
}

struct Topic {
    latest: watch::Sender<u64>,
    tail: Tail,
    is_subscribed: bool,
    was_idle: bool,
}

impl Topics {
    /// Returns a receiver of the conversation's newest sequence number, which notifications update.
    pub(super) fn join(&self, id: ConversationId) -> watch::Receiver<u64> {
        let mut state = self.lock();
        let topic = state.by_conversation.entry(id).or_insert_with(|| {
            self.joined.notify_one();
            Topic::new()
        });
        topic.latest.subscribe()
    }

    /// Waits until a conversation without readers gets its first reader.
    pub(super) async fn wait_for_join(&self) {
        self.joined.notified().await;
    }

    /// Returns up to `limit` conversations that are not subscribed to yet.
    pub(super) fn unsubscribed(&self, limit: usize) -> Vec<ConversationId> {
        let state = self.lock();
        let unsubscribed = state.by_conversation.iter().filter(|(_, topic)| !topic.is_subscribed);
        unsubscribed.map(|(id, _)| *id).take(limit).collect()
    }

    /// Records that a conversation is subscribed to.
    pub(super) fn set_subscribed(&self, id: ConversationId) {
        if let Some(topic) = self.lock().by_conversation.get_mut(&id) {
            topic.is_subscribed = true;
        }
    }

    /// Records that all subscriptions are lost. Redis may have lost its data, too, so readers wait for the next number.
    pub(super) fn set_all_unsubscribed(&self) {
        let mut state = self.lock();
        for topic in state.by_conversation.values_mut() {
            topic.is_subscribed = false;
            topic.tail = Tail::default();
            topic.latest.send_if_modified(|latest| {
                *latest = 0;
                false
            });
        }
        state.bytes = 0;
    }

    /// Returns the events after the sequence number `after` if all of them are certainly known, and there are any.
    pub(super) fn recent(&self, id: ConversationId, after: u64) -> Option<Vec<Arc<Event>>> {
        self.lock().by_conversation.get(&id)?.tail.after(after)
    }

    /// Whether an update with this newest number would be new to the readers of the conversation.
    pub(super) fn is_new(&self, id: ConversationId, latest: u64) -> bool {
        self.lock().by_conversation.get(&id).is_some_and(|topic| !topic.tail.knows(latest))
    }

    /// Keeps the new events, and wakes the readers of the conversation if there are any.
    pub(super) fn update(&self, id: ConversationId, update: Update) {
        let mut state = self.lock();
        let State { by_conversation, bytes } = &mut *state;
        let Some(topic) = by_conversation.get_mut(&id) else { return };
        *bytes -= topic.tail.bytes();
        topic.tail.apply(update);
        if *bytes + topic.tail.bytes() > MAX_TOTAL_BYTES {
            topic.tail.clear();
        }
        *bytes += topic.tail.bytes();
        topic.wake(topic.tail.latest());
    }

    /// Drops the events that were in memory at the previous call. Removes the conversations that have had no reader since
    /// then, and returns them. A reader that returns soon finds its subscription.
    pub(super) fn remove_idle(&self) -> Vec<ConversationId> {
        let mut state = self.lock();
        let removed = state.by_conversation.extract_if(|_, topic| {
            topic.tail.drop_old();
            topic.is_idle_again()
        });
        let removed = removed.map(|(id, _)| id).collect();
        state.bytes = state.by_conversation.values().map(|topic| topic.tail.bytes()).sum();
        removed
    }

    /// Ignores poisoning, because the map is consistent even after a panic.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Topic {
    fn new() -> Self {
        Self {
            latest: watch::Sender::new(0),
            tail: Tail::default(),
            is_subscribed: false,
            was_idle: false,
        }
    }

    /// Wakes the readers if the sequence number is higher than the latest one.
    fn wake(&self, seq: u64) {
        self.latest.send_if_modified(|latest| {
            let is_newer = *latest < seq;
            *latest = seq.max(*latest);
            is_newer
        });
    }

    /// Whether there is no reader now, and there was none at the previous call.
    fn is_idle_again(&mut self) -> bool {
        let is_idle = self.latest.receiver_count() == 0;
        let was_idle = std::mem::replace(&mut self.was_idle, is_idle);
        is_idle && was_idle
    }
}

#[cfg(test)]
mod tests {
    use webchat_domain::{ConversationChange, EventBody};

    use super::*;
    use crate::turn_log::update::RecentEvent;

    #[test]
    fn the_memory_of_all_conversations_is_bounded_and_all_readers_are_woken() {
        const LARGE: usize = 8 * 1024;
        let topics = Topics::default();
        let readers: Vec<_> =
            (0..400).map(|_| ConversationId::generate()).map(|id| (id, topics.join(id))).collect();

        for seq in 1..=8 {
            for (id, _) in &readers {
                let body = EventBody::ConversationUpdated(ConversationChange::Branch);
                let event = Arc::new(Event { conversation_id: *id, seq, body });
                let events = vec![RecentEvent { event, bytes: LARGE }];
                topics.update(*id, Update::Events { before: seq - 1, events });
            }
        }

        assert!(readers.iter().all(|(_, latest)| *latest.borrow() == 8));
        let kept: usize = readers
            .iter()
            .filter_map(|(id, _)| topics.recent(*id, 7))
            .map(|events| events.len())
            .sum();
        let bytes = topics.lock().bytes;
        assert!(kept > 0 && bytes <= MAX_TOTAL_BYTES, "{kept} events, {bytes} bytes");
        topics.set_all_unsubscribed();
        assert_eq!(topics.lock().bytes, 0);
    }
}
