//! From rows to domain types and back.

use std::error::Error;
use std::str::FromStr;

use rusqlite::types::Type;
use rusqlite::{OptionalExtension, Row, Transaction};
use webchat_domain::{
    Conversation, ConversationId, Message, MessageId, MessageStatus, Problem, Role, Timestamp,
    Title, UserId,
};

pub(crate) const CONVERSATION: &str =
    "conversation_id, title, created_at, updated_at, message_count, total_tokens, archived";

pub(crate) const MESSAGE: &str = "message_id, conversation_id, position, parent_id, turn_id, role, \
     content, token_count, status, error_message, error_code, created_at";

pub(crate) fn find_conversation(
    transaction: &Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
) -> rusqlite::Result<Option<Conversation>> {
    transaction
        .prepare_cached(&format!(
            "SELECT {CONVERSATION} FROM conversations WHERE conversation_id = ?1 AND user_id = ?2"
        ))?
        .query_row([id.to_simple(), user_id.to_simple()], conversation)
        .optional()
}

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

pub(crate) fn conversation(row: &Row<'_>) -> rusqlite::Result<Conversation> {
    let title: Option<String> = row.get("title")?;
    Ok(Conversation {
        conversation_id: parsed(row, "conversation_id")?,
        title: title.map(Title::try_from).transpose().map_err(broken)?,
        created_at: timestamp(row, "created_at")?,
        updated_at: timestamp(row, "updated_at")?,
        message_count: row.get("message_count")?,
        total_tokens: row.get("total_tokens")?,
        archived: row.get("archived")?,
    })
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
        error: error(row)?,
        created_at: timestamp(row, "created_at")?,
    })
}

pub(crate) fn timestamp(row: &Row<'_>, column: &str) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp::from_unix_millis)
}

pub(crate) fn parsed<T>(row: &Row<'_>, column: &str) -> rusqlite::Result<T>
where
    T: FromStr<Err: Error + Send + Sync + 'static>,
{
    row.get::<_, String>(column)?.parse().map_err(broken)
}

pub(crate) fn parsed_option<T>(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<T>>
where
    T: FromStr<Err: Error + Send + Sync + 'static>,
{
    row.get::<_, Option<String>>(column)?.map(|text| text.parse().map_err(broken)).transpose()
}

pub(crate) fn role(row: &Row<'_>) -> rusqlite::Result<Role> {
    match row.get_ref("role")?.as_str()? {
        "user" => Ok(Role::User),
        "assistant" => Ok(Role::Assistant),
        other => Err(broken(format!("'{other}' is no role"))),
    }
}

pub(crate) fn role_name(role: Role) -> &'static str {
    match role {
        Role::User => "user",
        Role::Assistant => "assistant",
    }
}

fn error(row: &Row<'_>) -> rusqlite::Result<Option<Problem>> {
    let message: Option<String> = row.get("error_message")?;
    let code: Option<String> = row.get("error_code")?;
    Ok(message.zip(code).map(|(message, code)| Problem { message, code }))
}

fn status(row: &Row<'_>) -> rusqlite::Result<MessageStatus> {
    match row.get_ref("status")?.as_str()? {
        "complete" => Ok(MessageStatus::Complete),
        "stopped" => Ok(MessageStatus::Stopped),
        "interrupted" => Ok(MessageStatus::Interrupted),
        "failed" => Ok(MessageStatus::Failed),
        "truncated" => Ok(MessageStatus::Truncated),
        other => Err(broken(format!("'{other}' is no status"))),
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

pub(crate) fn broken(cause: impl Into<Box<dyn Error + Send + Sync>>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Text, cause.into())
}
