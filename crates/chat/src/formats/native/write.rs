//! Writes the format.

use serde::Serialize;
use webchat_domain::{
    ClientMessageId, Context, ConversationId, MessageId, MessageStatus, ModelId, Problem,
    Reasoning, Role, Timestamp, Title, TurnId, UserId,
};
use webchat_persistence::{StoredConversation, StoredMessage};

pub(crate) const SEPARATOR: &str = ",\n";
pub(crate) const END_OF_CONVERSATION: &str = "\n]}";
pub(crate) const CLOSING: &str = "\n]}\n";

/// A conversation as the file contains it, up to its messages.
#[derive(Serialize)]
struct ConversationRecord {
    conversation_id: ConversationId,
    /// Set only in the operator's exports.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<UserId>,
    title: Option<Title>,
    created_at: Timestamp,
    updated_at: Timestamp,
    archived: bool,
    last_position: u64,
    context: Context,
}

/// A message as the file contains it.
#[derive(Serialize)]
struct MessageRecord {
    message_id: MessageId,
    position: u64,
    parent_id: Option<MessageId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    turn_id: Option<TurnId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_message_id: Option<ClientMessageId>,
    role: Role,
    content: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<Reasoning>,
    /// The number of tokens, as information for readers of the file. An import counts the tokens again.
    token_count: u32,
    status: MessageStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Problem>,
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<ModelId>,
    active: bool,
}

/// Returns the beginning of a file, up to its first conversation. `account` is the JSON of the account of its user.
pub(crate) fn opening(account: Option<&str>) -> String {
    let account = account.map(|account| format!("\"account\":{account},")).unwrap_or_default();
    format!("{{\"format\":\"webchat\",\"version\":1,{account}\"conversations\":[\n")
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
            reasoning: message.reasoning,
            token_count: message.token_count,
            status: message.status,
            error: message.error,
            created_at: message.created_at,
            ended_at: message.ended_at,
            model: message.model,
            active: stored.active,
        }
    }
}
