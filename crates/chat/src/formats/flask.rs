//! The Flask application's format, which its `save_history` writes: the messages of one conversation.

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use webchat_domain::{
    Context, Conversation, ConversationId, FewShotExample, Message, MessageId, NewMessage, Role,
    Summary, SummaryAuthor, Timestamp,
};
use webchat_persistence::StoredMessage;

use super::ids;
use super::imported::{ImportedConversation, MAX_BYTES, title_of};
use super::limits::TextSize;

/// A message as the Flask application writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlaskMessage {
    /// `user` or `assistant`. Files of the Flask application may contain other roles.
    pub role: String,
    /// The message's text.
    pub content: String,
}

impl FlaskMessage {
    fn new(role: Role, content: String) -> Self {
        let role = match role {
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        Self { role: role.to_owned(), content }
    }
}

impl TextSize for FlaskMessage {
    fn text_bytes(&self) -> usize {
        self.role.len() + self.content.len()
    }
}

/// Merges the messages and the examples by time, as the Flask application stores examples as messages.
pub(crate) fn history(messages: Vec<Message>, examples: Vec<FewShotExample>) -> Vec<FlaskMessage> {
    let mut examples = examples.into_iter().peekable();
    let mut history = Vec::new();
    for message in messages {
        while let Some(example) =
            examples.next_if(|example| example.created_at <= message.created_at)
        {
            history.extend(example_messages(example));
        }
        history.push(FlaskMessage::new(message.role, message.content));
    }
    history.extend(examples.flat_map(example_messages));
    history
}

fn example_messages(example: FewShotExample) -> [FlaskMessage; 2] {
    [
        FlaskMessage::new(Role::User, example.user_prompt),
        FlaskMessage::new(Role::Assistant, example.assistant_response),
    ]
}

/// Returns the content of the file that `save_history` writes.
pub(crate) fn file(history: &[FlaskMessage]) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec_pretty(history)
}

/// Converts the messages to a conversation. Returns `None` for an empty file. `system` messages at the beginning
/// become the summary. As the file has neither times nor ids, the conversation's id is derived from its
/// content, so that a second import of the file finds the conversation.
pub(crate) fn convert(
    mut messages: Vec<FlaskMessage>,
    now: Timestamp,
) -> Result<Option<ImportedConversation>, String> {
    if messages.iter().any(|message| message.content.len() > MAX_BYTES) {
        return Err("a message is longer than 4 MiB".to_owned());
    }
    let content = serde_json::to_vec(&messages).map_err(|error| error.to_string())?;
    let id = ConversationId::from(Uuid::new_v5(&Uuid::NAMESPACE_OID, &content));
    let system_count = messages.iter().take_while(|message| message.role == "system").count();
    let summary: Vec<String> =
        messages.drain(..system_count).map(|message| message.content).collect();
    if summary.is_empty() && messages.is_empty() {
        return Ok(None);
    }
    let mut stored: Vec<StoredMessage> = Vec::with_capacity(messages.len());
    for (position, message) in (1..).zip(messages) {
        let parent_id = stored.last().map(|parent| parent.message.message_id);
        let converted = convert_message(id, position, parent_id, message, now);
        stored.push(converted.map_err(|problem| {
            format!("message {}: {problem}", system_count + stored.len() + 1)
        })?);
    }
    Ok(Some(ImportedConversation {
        user_id: None,
        is_native: false,
        conversation: Conversation {
            conversation_id: id,
            title: title_of(&stored),
            created_at: now,
            updated_at: now,
            message_count: 0,
            total_tokens: 0,
            archived: false,
        },
        last_position: stored.last().map_or(0, |last| last.message.position),
        context: Context { summary: summary_of(&summary, now), ..Context::default() },
        messages: stored,
    }))
}

fn summary_of(texts: &[String], now: Timestamp) -> Option<Summary> {
    (!texts.is_empty()).then(|| Summary {
        text: texts.join("\n\n"),
        token_count: 0,
        through: 0,
        message_count: 0,
        created_at: now,
        author: SummaryAuthor::Import,
    })
}

fn convert_message(
    conversation_id: ConversationId,
    position: u64,
    parent_id: Option<MessageId>,
    message: FlaskMessage,
    now: Timestamp,
) -> Result<StoredMessage, String> {
    let role = role(&message.role).ok_or_else(|| format!("'{}' is no role", message.role))?;
    let new = NewMessage {
        message_id: ids::parse_or_derive(&format!("{conversation_id}:{position}")).into(),
        ..NewMessage::new(role, message.content, 0, now)
    };
    let message = new.into_message(conversation_id, position, parent_id);
    Ok(StoredMessage { message, client_message_id: None, active: true })
}

/// Maps the roles as `webchat init-db` does when it migrates a database.
fn role(name: &str) -> Option<Role> {
    match name {
        "user" | "human" => Some(Role::User),
        "assistant" | "system" | "tool" | "function" | "developer" | "bot" | "ai" | "model" => {
            Some(Role::Assistant)
        }
        _ => None,
    }
}
