//! Adding messages of an import to an existing conversation.

use super::ConversationState;
use crate::StoredMessage;

/// Assigns positions to the messages, and shows those that continue the visible path, unless a turn is running. Returns
/// the conversation after that, and the messages to store.
#[must_use]
pub fn add_messages(
    mut state: ConversationState,
    mut messages: Vec<StoredMessage>,
) -> (ConversationState, Vec<StoredMessage>) {
    let is_busy = state.lease_until.is_some();
    let conversation = &mut state.conversation;
    for stored in &mut messages {
        state.last_position += 1;
        let message = &mut stored.message;
        message.position = state.last_position;
        stored.active = stored.active && !is_busy && message.parent_id == state.head;
        if stored.active {
            state.head = Some(message.message_id);
            conversation.message_count += 1;
            conversation.total_tokens += u64::from(message.token_count);
        }
        conversation.updated_at = conversation.updated_at.max(message.created_at);
    }
    (state, messages)
}
