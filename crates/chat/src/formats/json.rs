//! Webchat's own format, which contains complete conversations. Each message is on a separate line, so that files
//! can be compared with a diff.

use std::collections::{BTreeMap, HashSet};

use serde::de;
use serde::{Deserialize, Deserializer, Serialize};
use webchat_domain::{
    ClientMessageId, Context, Conversation, ConversationId, Message, MessageId, MessageStatus,
    Problem, Role, Timestamp, Title, TurnId, UserId, deserialize_integer,
};
use webchat_persistence::rules::{ForeignAuthor, foreign_author};
use webchat_persistence::{StoredConversation, StoredMessage};

use super::imported_conversation::{ImportedConversation, MAX_BYTES, context_bytes};
use super::limits::{self, TextSize};

pub(super) const FORMAT: &str = "webchat";
const VERSION: u64 = 1;

pub(crate) const OPENING: &str = "{\"format\":\"webchat\",\"version\":1,\"conversations\":[\n";
pub(crate) const SEPARATOR: &str = ",\n";
pub(crate) const END_OF_CONVERSATION: &str = "\n]}";
pub(crate) const CLOSING: &str = "\n]}\n";

/// JSON numbers are exact in all languages up to this value.
const MAX_POSITION: u64 = 1 << 53;

/// The valid timestamps: the years 0 to 9999, which RFC 3339 can represent.
const TIMESTAMPS: std::ops::RangeInclusive<i64> = -62_167_219_200_000..=253_402_300_799_999;

/// A conversation as the file contains it.
#[derive(Serialize, Deserialize)]
pub(crate) struct ConversationRecord {
    conversation_id: ConversationId,
    /// Set only in the operator's exports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user_id: Option<UserId>,
    title: Option<Title>,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(default)]
    archived: bool,
    #[serde(default, deserialize_with = "deserialize_integer")]
    last_position: u64,
    #[serde(default)]
    context: Context,
    /// The messages, which are written separately, page by page, after the other members.
    #[serde(skip_serializing, deserialize_with = "limits::messages")]
    messages: Vec<MessageRecord>,
}

/// A message as the file contains it.
#[derive(Serialize, Deserialize)]
struct MessageRecord {
    message_id: MessageId,
    #[serde(deserialize_with = "deserialize_integer")]
    position: u64,
    parent_id: Option<MessageId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    turn_id: Option<TurnId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client_message_id: Option<ClientMessageId>,
    #[serde(deserialize_with = "role")]
    role: Role,
    #[serde(deserialize_with = "content")]
    content: String,
    /// The number of tokens, as information for readers of the file. An import counts the tokens again.
    #[serde(default, deserialize_with = "deserialize_integer")]
    token_count: u32,
    status: MessageStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<Problem>,
    created_at: Timestamp,
    active: bool,
}

/// Reads a role in any case.
fn role<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Role, D::Error> {
    let name = String::deserialize(deserializer)?;
    match foreign_author(&name) {
        Some(ForeignAuthor::Native(role)) => Ok(role),
        _ => Err(de::Error::custom("the role of a message is neither `user` nor `assistant`")),
    }
}

fn content<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

impl TextSize for MessageRecord {
    fn text_bytes(&self) -> usize {
        let error = self.error.as_ref();
        self.content.len() + error.map_or(0, |error| error.message.len() + error.code.len())
    }
}

/// Checks the version of the format.
pub(super) fn check_version(version: Option<u64>) -> Result<(), String> {
    let version = version.ok_or("its version is missing")?;
    if version == VERSION {
        return Ok(());
    }
    Err(format!("this is version {version} of the format; this server reads version {VERSION}"))
}

/// Returns the JSON of a conversation up to its first message.
pub(crate) fn start_of_conversation(
    stored: &StoredConversation,
    with_user_id: bool,
) -> Result<String, serde_json::Error> {
    let conversation = &stored.conversation;
    let record = ConversationRecord {
        conversation_id: conversation.conversation_id,
        user_id: with_user_id.then_some(stored.user_id),
        title: conversation.title.clone(),
        created_at: conversation.created_at,
        updated_at: conversation.updated_at,
        archived: conversation.archived,
        last_position: stored.last_position,
        context: stored.context.clone(),
        messages: Vec::new(),
    };
    let mut start = serde_json::to_string(&record)?;
    start.pop();
    start.push_str(",\"messages\":[\n");
    Ok(start)
}

/// Returns the JSON of consecutive messages.
pub(crate) fn messages(stored: Vec<StoredMessage>) -> Result<String, serde_json::Error> {
    let lines: Result<Vec<String>, _> = stored
        .into_iter()
        .map(|stored| serde_json::to_string(&MessageRecord::from(stored)))
        .collect();
    Ok(lines?.join(SEPARATOR))
}

impl From<StoredMessage> for MessageRecord {
    fn from(stored: StoredMessage) -> Self {
        let message = stored.message;
        Self {
            message_id: message.message_id,
            position: message.position,
            parent_id: message.parent_id,
            turn_id: message.turn_id,
            client_message_id: stored.client_message_id,
            role: message.role,
            content: message.content,
            token_count: message.token_count,
            status: message.status,
            error: message.error,
            created_at: message.created_at,
            active: stored.active,
        }
    }
}

impl MessageRecord {
    fn into_stored(self, conversation_id: ConversationId) -> StoredMessage {
        StoredMessage {
            message: Message {
                message_id: self.message_id,
                conversation_id,
                position: self.position,
                parent_id: self.parent_id,
                turn_id: self.turn_id,
                role: self.role,
                content: self.content,
                token_count: self.token_count,
                status: self.status,
                error: self.error,
                created_at: self.created_at,
            },
            client_message_id: self.client_message_id,
            active: self.active,
        }
    }
}

impl TryFrom<ConversationRecord> for ImportedConversation {
    type Error = String;

    /// Validates everything, because a file's content can't be trusted.
    fn try_from(record: ConversationRecord) -> Result<Self, String> {
        check_messages(&record.messages)?;
        let last_message = record.messages.last().map_or(0, |last| last.position);
        let last_position = record.last_position.max(last_message);
        if last_position > MAX_POSITION {
            return Err(format!("a position is beyond {MAX_POSITION}"));
        }
        check_context(&record.context, last_position)?;
        check_timestamps([record.created_at, record.updated_at])?;
        let id = record.conversation_id;
        Ok(Self {
            user_id: record.user_id,
            is_native: true,
            conversation: Conversation {
                conversation_id: id,
                title: record.title,
                created_at: record.created_at,
                updated_at: record.updated_at,
                message_count: 0,
                total_tokens: 0,
                archived: record.archived,
            },
            last_position,
            context: record.context,
            messages: record.messages.into_iter().map(|message| message.into_stored(id)).collect(),
            left_out: BTreeMap::new(),
        })
    }
}

fn check_messages(messages: &[MessageRecord]) -> Result<(), String> {
    let (mut ids, mut client_ids) = (HashSet::new(), HashSet::new());
    let mut last_position = 0;
    for (number, message) in (1..).zip(messages) {
        let reject = |problem: &str| Err(format!("message {number}: {problem}"));
        if message.position <= last_position {
            return reject("its position is not greater than that of the previous message");
        }
        last_position = message.position;
        if message.parent_id.is_some_and(|parent| !ids.contains(&parent)) {
            return reject("its parent is not an earlier message");
        }
        if !ids.insert(message.message_id) {
            return reject("another message has the same id");
        }
        if message.client_message_id.as_ref().is_some_and(|id| !client_ids.insert(id)) {
            return reject("another message has the same client_message_id");
        }
        if message.content.len() > MAX_BYTES {
            return reject("it is longer than 4 MiB");
        }
        check_timestamps([message.created_at]).or_else(|problem| reject(&problem))?;
    }
    Ok(())
}

fn check_context(context: &Context, last_position: u64) -> Result<(), String> {
    if context_bytes(context) > MAX_BYTES {
        return Err(
            "the system prompt, the examples and the summary together are longer than 4 MiB"
                .to_owned(),
        );
    }
    check_timestamps(context.examples.iter().map(|example| example.created_at))?;
    let Some(summary) = &context.summary else { return Ok(()) };
    if summary.through > last_position || summary.message_count > last_position {
        return Err("the summary covers messages after the last one".to_owned());
    }
    check_timestamps([summary.created_at])
}

fn check_timestamps(timestamps: impl IntoIterator<Item = Timestamp>) -> Result<(), String> {
    if timestamps.into_iter().all(|timestamp| TIMESTAMPS.contains(&timestamp.unix_millis())) {
        return Ok(());
    }
    Err("a time is not within the years 0 to 9999".to_owned())
}
