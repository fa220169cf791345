//! A conversation that was read from an import file.

use std::collections::HashSet;

use webchat_domain::{Context, Conversation, ConversationId, MessageId, Role, Title, UserId};
use webchat_persistence::rules::ITEM_OVERHEAD_BYTES;
use webchat_persistence::{StoredConversation, StoredMessage};

use super::ids;
use super::left_out::LeftOutParts;

/// The maximum size of a message's text, and of the complete context, in bytes.
pub(super) const MAX_BYTES: usize = 4 * 1024 * 1024;

/// A conversation that was read from an import file, with the file's ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ImportedConversation {
    /// The owner, if the file names one.
    pub(crate) user_id: Option<UserId>,
    /// The conversation. [`ImportedConversation::assign_to`] computes its counts.
    pub(crate) conversation: Conversation,
    pub(crate) last_position: u64,
    pub(crate) context: Context,
    pub(crate) messages: Vec<StoredMessage>,
    pub(crate) left_out: LeftOutParts,
}

impl ImportedConversation {
    /// Returns the conversation to store. All ids are derived from the user and the file's ids: the same user
    /// and file always give the same ids, which neither reveal nor collide with another user's ids.
    pub(crate) fn assign_to(
        self,
        user_id: UserId,
        count_tokens: impl Fn(&str) -> u32,
    ) -> (StoredConversation, Vec<StoredMessage>) {
        let Self { mut conversation, last_position, mut context, mut messages, .. } = self;
        let id = ids::conversation(user_id, conversation.conversation_id);
        for message in &mut messages {
            assign_ids(message, id);
            message.message.token_count = count_tokens(&message.message.content);
        }
        count_context(&mut context, count_tokens);
        let visible =
            || messages.iter().filter(|stored| stored.active).map(|stored| &stored.message);
        conversation.conversation_id = id;
        conversation.message_count = visible().map(|_| 1).sum();
        conversation.total_tokens = visible().map(|message| u64::from(message.token_count)).sum();
        let head = visible().next_back().map(|message| message.message_id);
        let stored = StoredConversation { user_id, conversation, head, last_position, context };
        (stored, messages)
    }

    /// Whether the existing conversation, which has messages with these ids, is the same one. Without a common message,
    /// it is another conversation with the same id in its file.
    pub(crate) fn is_same_as(
        &self,
        existing: &StoredConversation,
        known: &HashSet<MessageId>,
    ) -> bool {
        let id = existing.conversation.conversation_id;
        let is_known = |stored: &StoredMessage| {
            let source = stored.message.message_id;
            known.contains(&source) || known.contains(&ids::message(id, source))
        };
        known.is_empty() || self.messages.is_empty() || self.messages.iter().any(is_known)
    }

    /// Returns the conversation under an id that also depends on its first message.
    pub(crate) fn with_id_of_content(mut self) -> Self {
        let id = self.conversation.conversation_id;
        let first = self.messages.first().map(|stored| stored.message.message_id);
        let first = first.map(|id| id.to_string()).unwrap_or_default();
        self.conversation.conversation_id = ids::parse_or_derive(&format!("{id}:{first}")).into();
        self
    }

    /// Returns the messages that the existing conversation `id` does not have, with the ids that they get there.
    pub(crate) fn new_messages(
        self,
        id: ConversationId,
        known: &HashSet<MessageId>,
    ) -> Vec<StoredMessage> {
        let id_here = |source| {
            if known.contains(&source) { source } else { ids::message(id, source) }
        };
        let messages = self.messages.into_iter().map(|mut stored| {
            let message = &mut stored.message;
            message.conversation_id = id;
            message.message_id = id_here(message.message_id);
            message.parent_id = message.parent_id.map(id_here);
            message.turn_id = message.turn_id.map(|turn| ids::turn(id, turn));
            stored.client_message_id = None;
            stored
        });
        messages.filter(|stored| !known.contains(&stored.message.message_id)).collect()
    }

    /// Returns the approximate size of the conversation in a store, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        let texts = self.messages.iter().map(|stored| stored.message.text_bytes());
        let item = usize::from(ITEM_OVERHEAD_BYTES);
        let messages = texts.map(|text| text + item).sum::<usize>();
        let bytes = messages.saturating_add(item).saturating_add(context_bytes(&self.context));
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }

    /// Returns the ids that the conversation may already have in the store: the file's id, if it is a conversation of
    /// this server, and the id that an import derives.
    pub(crate) fn candidate_ids(&self, user_id: UserId) -> [ConversationId; 2] {
        let source = self.conversation.conversation_id;
        [source, ids::conversation(user_id, source)]
    }
}

/// Returns the total size of the context's texts in bytes.
pub(super) fn context_bytes(context: &Context) -> usize {
    let prompt = context.system_prompt.iter().map(|prompt| prompt.text.len());
    let summary = context.summary.iter().map(|summary| summary.text.len());
    let examples = context
        .examples
        .iter()
        .map(|example| example.user_prompt.len() + example.assistant_response.len());
    prompt.chain(summary).chain(examples).sum()
}

fn assign_ids(stored: &mut StoredMessage, conversation: ConversationId) {
    let message = &mut stored.message;
    message.conversation_id = conversation;
    message.message_id = ids::message(conversation, message.message_id);
    message.parent_id = message.parent_id.map(|id| ids::message(conversation, id));
    message.turn_id = message.turn_id.map(|id| ids::turn(conversation, id));
}

/// Counts the context's tokens. The file's counts are ignored: if they were too low, requests would exceed the
/// model's window.
fn count_context(context: &mut Context, count_tokens: impl Fn(&str) -> u32) {
    if let Some(prompt) = &mut context.system_prompt {
        prompt.token_count = count_tokens(&prompt.text);
    }
    if let Some(summary) = &mut context.summary {
        summary.token_count = count_tokens(&summary.text);
    }
    for example in &mut context.examples {
        example.prompt_tokens = count_tokens(&example.user_prompt);
        example.response_tokens = count_tokens(&example.assistant_response);
    }
}

/// Returns a title from the first words of the first question. Its attachments are in the paragraphs after the first.
pub(super) fn title_of(messages: &[StoredMessage]) -> Option<Title> {
    let question = messages.iter().find(|stored| stored.message.role == Role::User)?;
    let content = question.message.content.trim_start();
    Title::from_first_words(content.split("\n\n").next()?)
}
