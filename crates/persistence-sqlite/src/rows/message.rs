//! Rows of `messages`.

use rusqlite::{OptionalExtension, Row, Transaction, params};
use webchat_domain::{
    ClientMessageId, ConversationId, Message, MessageId, MessageStatus, Role, TurnId, UserId,
};
use webchat_persistence::StoredMessage;

use super::column::{invalid, parsed, parsed_option, problem, timestamp};

/// The columns that [`message`] reads.
pub(crate) const MESSAGE: &str = "message_id, conversation_id, position, parent_id, turn_id, role, \
     content, token_count, status, error_message, error_code, created_at";

pub(crate) fn find_message(
    transaction: &Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    message_id: MessageId,
) -> rusqlite::Result<Option<Message>> {
    transaction
        .prepare_cached(&format!(
            "SELECT {MESSAGE} FROM messages
             WHERE message_id = ?1 AND conversation_id = ?2 AND user_id = ?3"
        ))?
        .query_row([message_id.to_simple(), id.to_simple(), user_id.to_simple()], message)
        .optional()
}

pub(crate) fn insert_message(
    transaction: &Transaction<'_>,
    user_id: UserId,
    stored: &StoredMessage,
) -> rusqlite::Result<()> {
    let message = &stored.message;
    transaction
        .prepare_cached(
            "INSERT INTO messages (message_id, conversation_id, user_id, position, parent_id,
                 turn_id, client_message_id, role, content, token_count, status, created_at,
                 error_message, error_code, active)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        )?
        .execute(params![
            message.message_id.to_simple(),
            message.conversation_id.to_simple(),
            user_id.to_simple(),
            message.position,
            message.parent_id.map(MessageId::to_simple),
            message.turn_id.map(TurnId::to_simple),
            stored.client_message_id.as_ref().map(ClientMessageId::as_str),
            role_name(message.role),
            message.content,
            message.token_count,
            status_name(message.status),
            message.created_at.unix_millis(),
            message.error.as_ref().map(|error| &error.message),
            message.error.as_ref().map(|error| &error.code),
            stored.active,
        ])?;
    Ok(())
}

pub(crate) fn message(row: &Row<'_>) -> rusqlite::Result<Message> {
    Ok(Message {
        message_id: parsed(row, "message_id")?,
        conversation_id: parsed(row, "conversation_id")?,
        position: row.get("position")?,
        parent_id: parsed_option(row, "parent_id")?,
        turn_id: parsed_option(row, "turn_id")?,
        role: role(row)?,
        content: row.get("content")?,
        token_count: row.get("token_count")?,
        status: status(row)?,
        error: problem(row)?,
        created_at: timestamp(row, "created_at")?,
    })
}

pub(crate) fn role(row: &Row<'_>) -> rusqlite::Result<Role> {
    match row.get_ref("role")?.as_str()? {
        "user" => Ok(Role::User),
        "assistant" => Ok(Role::Assistant),
        other => Err(invalid(format!("'{other}' is not a role"))),
    }
}

pub(crate) fn role_name(role: Role) -> &'static str {
    match role {
        Role::User => "user",
        Role::Assistant => "assistant",
    }
}

fn status(row: &Row<'_>) -> rusqlite::Result<MessageStatus> {
    match row.get_ref("status")?.as_str()? {
        "complete" => Ok(MessageStatus::Complete),
        "stopped" => Ok(MessageStatus::Stopped),
        "interrupted" => Ok(MessageStatus::Interrupted),
        "failed" => Ok(MessageStatus::Failed),
        "truncated" => Ok(MessageStatus::Truncated),
        other => Err(invalid(format!("'{other}' is not a message status"))),
    }
}

pub(crate) fn status_name(status: MessageStatus) -> &'static str {
    match status {
        MessageStatus::Complete => "complete",
        MessageStatus::Stopped => "stopped",
        MessageStatus::Interrupted => "interrupted",
        MessageStatus::Failed => "failed",
        MessageStatus::Truncated => "truncated",
    }
}
