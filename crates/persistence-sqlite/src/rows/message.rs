//! Rows of `messages`.

use rusqlite::{OptionalExtension, Transaction, params};
use webchat_domain::{
    ClientMessageId, ConversationId, Message, MessageId, ModelId, Reasoning, Timestamp, TurnId,
    UserId,
};
use webchat_persistence::StoredMessage;
use webchat_persistence::rules::{MessagePage, StoredName};

use crate::search;

use super::columns::{Columns, invalid, read};

/// The columns that [`message`] reads.
pub(crate) const MESSAGE: &str = "message_id, conversation_id, position, parent_id, turn_id, role, \
     content, reasoning, reasoning_ms, reasoning_tokens, token_count, status, error_message, \
     error_code, created_at, ended_at, model";

/// The columns that [`stored_message`] reads.
pub(crate) const STORED_MESSAGE: &str = "message_id, conversation_id, position, parent_id, turn_id, \
     role, content, reasoning, reasoning_ms, reasoning_tokens, token_count, status, error_message, \
     error_code, created_at, ended_at, model, client_message_id, active";

/// Reads a page of at most `limit` items. Stops reading rows when the page is full. `message` returns the message of an
/// item.
pub(crate) fn message_page<T>(
    limit: u32,
    mut rows: impl Iterator<Item = rusqlite::Result<T>>,
    message: impl Fn(&T) -> &Message,
) -> rusqlite::Result<Vec<T>> {
    let mut page = MessagePage::new(limit);
    while !page.is_full()
        && let Some(item) = rows.next().transpose()?
    {
        let bytes = message(&item).text_bytes();
        page.push(item, bytes);
    }
    Ok(page.into_messages())
}

pub(crate) fn find_message(
    transaction: &Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    message_id: MessageId,
) -> rusqlite::Result<Option<Message>> {
    transaction
        .prepare_cached(&format!(
            "SELECT {MESSAGE} FROM live_messages
             WHERE message_id = ?1 AND conversation_id = ?2 AND user_id = ?3"
        ))?
        .query_row([message_id.to_simple(), id.to_simple(), user_id.to_simple()], read(message))
        .optional()
}

/// Inserts and indexes a message.
pub(crate) fn insert_message(
    transaction: &Transaction<'_>,
    user_id: UserId,
    stored: &StoredMessage,
) -> rusqlite::Result<()> {
    let message = &stored.message;
    let reasoning = message.reasoning.as_ref();
    transaction
        .prepare_cached(
            "INSERT INTO messages (message_id, conversation_id, user_id, position, parent_id,
                 turn_id, client_message_id, role, content, token_count, status, created_at,
                 ended_at, error_message, error_code, model, active, reasoning, reasoning_ms,
                 reasoning_tokens)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,
                 ?18, ?19, ?20)",
        )?
        .execute(params![
            message.message_id.to_simple(),
            message.conversation_id.to_simple(),
            user_id.to_simple(),
            message.position,
            message.parent_id.map(MessageId::to_simple),
            message.turn_id.map(TurnId::to_simple),
            stored.client_message_id.as_ref().map(ClientMessageId::as_str),
            message.role.stored_name(),
            message.content,
            message.token_count,
            message.status.stored_name(),
            message.created_at.unix_millis(),
            message.ended_at.map(Timestamp::unix_millis),
            message.error.as_ref().map(|error| &error.message),
            message.error.as_ref().map(|error| &error.code),
            message.model.as_ref().map(ModelId::as_str),
            stored.active,
            reasoning.map(|reasoning| &reasoning.text),
            reasoning.map(|reasoning| reasoning.duration_ms),
            reasoning.map(|reasoning| reasoning.tokens),
        ])?;
    search::index(transaction, transaction.last_insert_rowid(), user_id, &message.content)
}

pub(crate) fn message(columns: &mut Columns<'_>) -> rusqlite::Result<Message> {
    Ok(Message {
        message_id: columns.parsed()?,
        conversation_id: columns.parsed()?,
        position: columns.value()?,
        parent_id: columns.parsed_option()?,
        turn_id: columns.parsed_option()?,
        role: columns.enum_value()?,
        content: columns.value()?,
        reasoning: reasoning(columns)?,
        token_count: columns.value()?,
        status: columns.enum_value()?,
        error: columns.problem()?,
        created_at: columns.timestamp()?,
        ended_at: columns.timestamp_option()?,
        model: columns.parsed_option()?,
    })
}

fn reasoning(columns: &mut Columns<'_>) -> rusqlite::Result<Option<Reasoning>> {
    let text: Option<String> = columns.value()?;
    let (duration_ms, tokens): (Option<u32>, Option<u32>) = (columns.value()?, columns.value()?);
    Ok(text.map(|text| Reasoning {
        text,
        duration_ms: duration_ms.unwrap_or_default(),
        tokens: tokens.unwrap_or_default(),
    }))
}

pub(crate) fn stored_message(columns: &mut Columns<'_>) -> rusqlite::Result<StoredMessage> {
    Ok(StoredMessage {
        message: message(columns)?,
        client_message_id: columns
            .value::<Option<String>>()?
            .map(ClientMessageId::try_from)
            .transpose()
            .map_err(invalid)?,
        active: columns.value()?,
    })
}
