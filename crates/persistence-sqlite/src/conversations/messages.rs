//! Pages of the visible path.

use rusqlite::{Transaction, params};
use webchat_domain::{ConversationId, Message};

use crate::rows::{self, MESSAGE};

/// Returns the newest messages before a position, oldest first.
pub(super) fn messages(
    transaction: &Transaction<'_>,
    id: ConversationId,
    before: Option<u64>,
    limit: u32,
) -> rusqlite::Result<Vec<Message>> {
    let before = before.and_then(|before| i64::try_from(before).ok()).unwrap_or(i64::MAX);
    let mut statement = transaction.prepare_cached(&format!(
        "SELECT {MESSAGE} FROM live_messages
         WHERE conversation_id = ?1 AND active = 1 AND position < ?2
         ORDER BY position DESC LIMIT ?3"
    ))?;
    let found =
        statement.query_map(params![id.to_simple(), before, limit], rows::read(rows::message))?;
    let mut messages = rows::message_page(limit, found, |message| message)?;
    messages.reverse();
    Ok(messages)
}
