//! The form of the Flask application, whose `save_history` wrote it: the messages of one conversation.

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use webchat_domain::{
    Context, Conversation, ConversationId, FewShotExample, Message, MessageId, MessageStatus, Role,
    Summary, SummaryAuthor, Timestamp,
};
use webchat_persistence::StoredMessage;

use super::{Brought, MOST_BYTES, ids, title_of};

/// A message as the Flask application writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlaskMessage {
    /// `user` or `assistant`; in a file of the Flask application's own, others too.
    pub role: String,
    /// What is said.
    pub content: String,
}

impl FlaskMessage {
    fn said(role: Role, content: String) -> Self {
        let role = match role {
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        Self { role: role.to_owned(), content }
    }
}

/// The messages, and the examples among them where they were added: there they were messages.
pub(crate) fn history(messages: Vec<Message>, examples: Vec<FewShotExample>) -> Vec<FlaskMessage> {
    let mut examples = examples.into_iter().peekable();
    let mut history = Vec::new();
    for message in messages {
        while let Some(example) = examples.next_if(|one| one.created_at <= message.created_at) {
            history.extend(pair(example));
        }
        history.push(FlaskMessage::said(message.role, message.content));
    }
    history.extend(examples.flat_map(pair));
    history
}

fn pair(example: FewShotExample) -> [FlaskMessage; 2] {
    [
        FlaskMessage::said(Role::User, example.user_prompt),
        FlaskMessage::said(Role::Assistant, example.assistant_response),
    ]
}

/// The file that `save_history` writes.
pub(crate) fn file(history: &[FlaskMessage]) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec_pretty(history)
}

/// The conversation of these messages; `None` without one. `system` messages at the beginning are the
/// summary of what came before, and no messages. The file has neither times nor ids: the conversation
/// is known again by what is said.
pub(crate) fn brought(
    mut messages: Vec<FlaskMessage>,
    now: Timestamp,
) -> Result<Option<Brought>, String> {
    if messages.iter().any(|message| message.content.len() > MOST_BYTES) {
        return Err("a message is longer than 4 MiB".to_owned());
    }
    let content = serde_json::to_vec(&messages).map_err(|error| error.to_string())?;
    let id = ConversationId::from(Uuid::new_v5(&Uuid::NAMESPACE_OID, &content));
    let first = messages.iter().take_while(|message| message.role == "system").count();
    let summary: Vec<String> = messages.drain(..first).map(|message| message.content).collect();
    if summary.is_empty() && messages.is_empty() {
        return Ok(None);
    }
    let mut stored: Vec<StoredMessage> = Vec::with_capacity(messages.len());
    for (position, message) in (1..).zip(messages) {
        let parent_id = stored.last().map(|parent| parent.message.message_id);
        let placed = placed(id, position, parent_id, message, now);
        stored.push(
            placed.map_err(|wrong| format!("message {}: {wrong}", first + stored.len() + 1))?,
        );
    }
    Ok(Some(Brought {
        user_id: None,
        is_ours: false,
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

fn placed(
    conversation_id: ConversationId,
    position: u64,
    parent_id: Option<MessageId>,
    said: FlaskMessage,
    now: Timestamp,
) -> Result<StoredMessage, String> {
    let message = Message {
        message_id: ids::of_text(&format!("{conversation_id}:{position}")).into(),
        conversation_id,
        position,
        parent_id,
        turn_id: None,
        role: role(&said.role).ok_or_else(|| format!("'{}' is no role", said.role))?,
        content: said.content,
        token_count: 0,
        status: MessageStatus::Complete,
        error: None,
        created_at: now,
    };
    Ok(StoredMessage { message, client_message_id: None, active: true })
}

/// As `webchat init-db` takes them, which carries over whole databases.
fn role(name: &str) -> Option<Role> {
    match name {
        "user" | "human" => Some(Role::User),
        "assistant" | "system" | "tool" | "function" | "developer" | "bot" | "ai" | "model" => {
            Some(Role::Assistant)
        }
        _ => None,
    }
}
