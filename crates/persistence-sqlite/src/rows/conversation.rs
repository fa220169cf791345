//! Rows of `conversations`.

use rusqlite::{OptionalExtension, Row, Transaction};
use webchat_domain::{Conversation, ConversationId, Title, UserId};

use super::column::{invalid, parsed, timestamp};

/// The columns that [`conversation`] reads.
pub(crate) const CONVERSATION: &str =
    "conversation_id, title, created_at, updated_at, message_count, total_tokens, archived";

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

pub(crate) fn conversation(row: &Row<'_>) -> rusqlite::Result<Conversation> {
    Ok(Conversation {
        conversation_id: parsed(row, "conversation_id")?,
        title: title(row)?,
        created_at: timestamp(row, "created_at")?,
        updated_at: timestamp(row, "updated_at")?,
        message_count: row.get("message_count")?,
        total_tokens: row.get("total_tokens")?,
        archived: row.get("archived")?,
    })
}

pub(crate) fn title(row: &Row<'_>) -> rusqlite::Result<Option<Title>> {
    let title: Option<String> = row.get("title")?;
    title.map(Title::try_from).transpose().map_err(invalid)
}
