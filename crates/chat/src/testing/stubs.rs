//! Ports with fixed results, which store nothing.

use std::sync::Arc;

use webchat_domain::{Conversation, ConversationId, Event, NewMessage, Timestamp};
use webchat_persistence::{
    Append, AppendOutcome, Checkpoint, MockConversations, MockTurnLog, NewEvent, StoreError,
};

/// Returns a store that accepts the first message of a conversation and stores nothing.
pub(crate) fn accepting_store() -> MockConversations {
    let mut store = MockConversations::new();
    store.expect_append().returning(|_, id, append, now| Ok(appended(id, append, now)));
    store
}

/// Returns a log that rejects events of this name.
pub(crate) fn log_that_rejects(name: &'static str) -> Arc<MockTurnLog> {
    let mut log = MockTurnLog::new();
    log.expect_checkpoint().returning(|_| Ok(Checkpoint { seq: 0, latest: 0, running_turn: None }));
    log.expect_append().returning(move |conversation_id, events| {
        if events.iter().any(|event| event.body.name() == name) {
            return Err(StoreError::unavailable("disk full"));
        }
        let appended = |NewEvent { body, .. }| Arc::new(Event { conversation_id, seq: 1, body });
        Ok(events.into_iter().map(appended).collect())
    });
    Arc::new(log)
}

fn appended(conversation_id: ConversationId, append: Append, now: Timestamp) -> AppendOutcome {
    let stored =
        |(new, position): (NewMessage, u64)| new.into_message(conversation_id, position, None);
    AppendOutcome::Stored {
        conversation: Conversation {
            conversation_id,
            title: append.title,
            created_at: now,
            updated_at: now,
            message_count: 2,
            total_tokens: 0,
            archived: false,
        },
        messages: append.messages.into_iter().zip(1..).map(stored).collect(),
    }
}
