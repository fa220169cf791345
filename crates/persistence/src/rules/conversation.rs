//! What a new conversation contains.

use webchat_domain::{Conversation, ConversationId, Timestamp};

/// Builds an empty conversation.
#[must_use]
pub fn new_conversation(id: ConversationId, now: Timestamp) -> Conversation {
    Conversation {
        conversation_id: id,
        title: None,
        created_at: now,
        updated_at: now,
        message_count: 0,
        total_tokens: 0,
        archived: false,
    }
}
