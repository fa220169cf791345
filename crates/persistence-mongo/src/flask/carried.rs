//! What a conversation of the Flask application becomes.

use mongodb::bson::{Bson, RawDocumentBuf};
use sha2::{Digest, Sha256};
use webchat_domain::{
    Context, Conversation, Message, MessageStatus, Role, Summary, SummaryAuthor, Timestamp, Title,
};
use webchat_persistence::{StoredConversation, StoredMessage};

use super::CountTokens;
use super::ids;
use super::old::{Counts, OldConversation, OldMessage};
use crate::documents::{ConversationDocument, MessageDocument};

/// A document that can be carried over.
pub(super) struct Candidate {
    pub(super) id: Bson,
    pub(super) document: RawDocumentBuf,
    pub(super) old: OldConversation,
}

/// What becomes of it.
pub(super) struct Carried {
    pub(super) id: Bson,
    /// As it was read.
    pub(super) document: RawDocumentBuf,
    pub(super) conversation: ConversationDocument,
    pub(super) messages: Vec<MessageDocument>,
    pub(super) counts: Counts,
    /// Taken from the old document: that of the messages must be the same.
    pub(super) fingerprint: Fingerprint,
}

/// Positions, roles and texts of a conversation's messages.
#[derive(Clone, Debug, Default)]
pub(super) struct Fingerprint {
    count: u64,
    hash: Sha256,
}

impl Fingerprint {
    /// To be called in the order of the positions.
    pub(super) fn add(&mut self, position: u64, role: Role, content: &str) {
        let speaker = match role {
            Role::User => b'u',
            Role::Assistant => b'a',
        };
        self.count += 1;
        self.hash.update(position.to_le_bytes());
        self.hash.update([speaker]);
        self.hash.update(content.len().to_le_bytes());
        self.hash.update(content);
    }

    pub(super) fn is_of_the_same(&self, other: &Self) -> bool {
        self.count == other.count && self.hash.clone().finalize() == other.hash.clone().finalize()
    }
}

impl Carried {
    pub(super) fn new(candidate: Candidate, count_tokens: &CountTokens) -> Self {
        let Candidate { id, document, old } = candidate;
        let fingerprint = fingerprint(&old.messages);
        let title = title(&old.messages);
        let context = context(old.summary.as_deref(), old.updated_at, count_tokens);
        let counts = old.counts();
        let user_id = old.user_id;
        let mut stored = StoredConversation {
            user_id,
            conversation: Conversation {
                conversation_id: old.conversation_id,
                title,
                created_at: old.created_at,
                updated_at: old.updated_at,
                message_count: 0,
                total_tokens: 0,
                archived: false,
            },
            head: None,
            last_position: 0,
            context,
        };
        let messages: Vec<_> = old
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
            fingerprint,
        }
    }
}

fn fingerprint(messages: &[OldMessage]) -> Fingerprint {
    let mut fingerprint = Fingerprint::default();
    for (position, message) in (1..).zip(messages) {
        fingerprint.add(position, message.role, &message.content);
    }
    fingerprint
}

fn title(messages: &[OldMessage]) -> Option<Title> {
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

/// Puts the message at the end of the conversation.
fn append(
    stored: &mut StoredConversation,
    old: OldMessage,
    count_tokens: &CountTokens,
) -> StoredMessage {
    let conversation = &mut stored.conversation;
    let token_count = count_tokens(&old.content);
    stored.last_position += 1;
    conversation.message_count += 1;
    conversation.total_tokens += u64::from(token_count);
    let message_id = ids::message_id(conversation.conversation_id, stored.last_position);
    let message = Message {
        message_id,
        conversation_id: conversation.conversation_id,
        position: stored.last_position,
        parent_id: stored.head.replace(message_id),
        turn_id: None,
        role: old.role,
        content: old.content,
        token_count,
        status: MessageStatus::Complete,
        error: None,
        // Of single messages the Flask application kept no time.
        created_at: conversation.created_at,
    };
    StoredMessage { message, client_message_id: None, active: true }
}
