//! A list of messages without the conversations around them, as the Flask application saves it.

use std::collections::HashMap;

use serde_json::Value;

use super::conversation::ForeignConversation;
use super::message;
use crate::formats::limits::ConversationSize;
use crate::formats::values;

/// The keys of a message whose value is the id of its conversation.
const CONVERSATION_IDS: [&str; 6] =
    ["conversationId", "conversation_id", "chatId", "chat_id", "sessionId", "session_id"];

/// The conversations of a list of messages: one, unless the messages name others.
#[derive(Default)]
pub(in crate::formats) struct MessageList {
    conversations: Vec<ForeignConversation>,
    indexes: HashMap<Option<Box<str>>, usize>,
    size: ConversationSize,
}

impl MessageList {
    /// Adds a message. A system message at the beginning of a conversation is a summary of earlier messages. Returns an
    /// error for the user if the list is too large.
    pub(in crate::formats) fn add(&mut self, value: &Value) -> Result<(), String> {
        let id = CONVERSATION_IDS.iter().find_map(|name| values::id(value.get(name)?));
        let next = self.conversations.len();
        let index = *self.indexes.entry(id.clone()).or_insert(next);
        if index == next {
            self.conversations.push(ForeignConversation::with_id(id));
        }
        let Some(conversation) = self.conversations.get_mut(index) else { return Ok(()) };
        let before = conversation.size.text_bytes();
        let author = message::author_name(value);
        if author.is_some_and(|name| name.trim().eq_ignore_ascii_case("system"))
            && !conversation.has_text
        {
            conversation.add_summary(message::text_of(value))?;
        } else {
            conversation.add(None, value, None)?;
        }
        self.size.add(conversation.size.text_bytes() - before)
    }

    pub(in crate::formats) fn into_conversations(self) -> Vec<ForeignConversation> {
        self.conversations
    }
}
