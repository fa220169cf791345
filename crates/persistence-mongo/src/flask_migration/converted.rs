//! Converts a conversation of the Flask application to Webchat's documents.

use std::sync::Arc;

use mongodb::bson::{Bson, RawDocumentBuf};
use sha2::{Digest, Sha256};
use webchat_domain::{
    Context, Conversation, NewMessage, Role, Summary, SummaryAuthor, Timestamp, Title,
};
use webchat_persistence::{StoredConversation, StoredMessage};

use super::ids;
use super::legacy::{Counts, LegacyConversation, LegacyMessage};
use super::skip_reason::SkipReason;
use crate::documents::{ConversationDocument, MessageDocument};

/// Counts the tokens of a text.
pub type CountTokens = Arc<dyn Fn(&str) -> u32 + Send + Sync>;

/// A document that can be migrated.
pub(super) struct Candidate {
    pub(super) id: Bson,
    pub(super) document: RawDocumentBuf,
    pub(super) legacy: LegacyConversation,
}

/// A converted document.
pub(super) struct Converted {
    pub(super) id: Bson,
    /// The legacy document as it was read.
    pub(super) document: RawDocumentBuf,
    pub(super) conversation: ConversationDocument,
    pub(super) messages: Vec<MessageDocument>,
    pub(super) counts: Counts,
    /// The reasons for messages that are left out.
    pub(super) left_out: Vec<SkipReason>,
    /// The fingerprint of the legacy document's messages. The fingerprint of the written messages must match it.
    pub(super) fingerprint: Fingerprint,
}

/// A hash of the positions, roles and texts of a conversation's messages.
#[derive(Clone, Debug, Default)]
pub(super) struct Fingerprint {
    count: u64,
    hash: Sha256,
}

impl Fingerprint {
    /// Adds a message. Messages must be added in the order of their positions.
    pub(super) fn add(&mut self, position: u64, role: Role, content: &str) {
        let role_byte = match role {
            Role::User => b'u',
            Role::Assistant => b'a',
        };
        self.count += 1;
        self.hash.update(position.to_le_bytes());
        self.hash.update([role_byte]);
        self.hash.update(content.len().to_le_bytes());
        self.hash.update(content);
    }

    pub(super) fn matches(&self, other: &Self) -> bool {
        self.count == other.count && self.hash.clone().finalize() == other.hash.clone().finalize()
    }
}

impl Converted {
    pub(super) fn new(candidate: Candidate, count_tokens: &CountTokens) -> Self {
        let Candidate { id, document, legacy } = candidate;
        let fingerprint = fingerprint(&legacy.messages);
        let title = title(&legacy.messages);
        let context = context(legacy.summary.as_deref(), legacy.updated_at, count_tokens);
        let counts = legacy.counts();
        let user_id = legacy.user_id;
        let mut stored = StoredConversation {
            user_id,
            conversation: Conversation {
                conversation_id: legacy.conversation_id,
                title,
                created_at: legacy.created_at,
                updated_at: legacy.updated_at,
                message_count: 0,
                total_tokens: 0,
                archived: false,
            },
            head: None,
            last_position: 0,
            context,
        };
        let messages: Vec<_> = legacy
            .messages
            .into_iter()
            .map(|message| append(&mut stored, message, count_tokens))
            .map(|message| MessageDocument::new(user_id, message))
            .collect();
        Self {
            id,
            document,
            conversation: ConversationDocument::new(stored),
            messages,
            counts,
            left_out: legacy.left_out,
            fingerprint,
        }
    }
}

fn fingerprint(messages: &[LegacyMessage]) -> Fingerprint {
    let mut fingerprint = Fingerprint::default();
    for (position, message) in (1..).zip(messages) {
        fingerprint.add(position, message.role, &message.content);
    }
    fingerprint
}

fn title(messages: &[LegacyMessage]) -> Option<Title> {
    let question = messages.iter().find(|message| message.role == Role::User)?;
    Title::from_first_words(&question.content)
}

fn context(summary: Option<&str>, written_at: Timestamp, count_tokens: &CountTokens) -> Context {
    let summary = summary.map(|text| Summary {
        text: text.to_owned(),
        token_count: count_tokens(text),
        through: 0,
        message_count: 0,
        created_at: written_at,
        author: SummaryAuthor::Import,
    });
    Context { summary, ..Context::default() }
}

/// Appends the message to the conversation.
fn append(
    stored: &mut StoredConversation,
    legacy: LegacyMessage,
    count_tokens: &CountTokens,
) -> StoredMessage {
    let conversation = &mut stored.conversation;
    let token_count = count_tokens(&legacy.content);
    stored.last_position += 1;
    conversation.message_count += 1;
    conversation.total_tokens += u64::from(token_count);
    let message_id = ids::message_id(conversation.conversation_id, stored.last_position);
    // The Flask application did not store the times of single messages.
    let created_at = conversation.created_at;
    let new = NewMessage {
        message_id,
        ..NewMessage::new(legacy.role, legacy.content, token_count, created_at)
    };
    let parent_id = stored.head.replace(message_id);
    let message = new.into_message(conversation.conversation_id, stored.last_position, parent_id);
    StoredMessage { message, client_message_id: None, active: true }
}
