//! A page of the visible path.

use rusqlite::{Transaction, params};
use webchat_domain::{ConversationId, Message};
use webchat_persistence::rules::MessagePage;

use crate::rows::{self, MESSAGE};

/// Returns the newest messages before a position, oldest first.
pub(super) fn messages(
    transaction: &Transaction<'_>,
    id: ConversationId,
    before: Option<u64>,
    limit: u32,
) -> rusqlite::Result<Vec<Message>> {
    let before = before.and_then(|before| i64::try_from(before).ok()).unwrap_or(i64::MAX);
    let mut page = MessagePage::new(limit);
    let mut statement = transaction.prepare_cached(&format!(
        "SELECT {MESSAGE} FROM live_messages
         WHERE conversation_id = ?1 AND active = 1 AND position < ?2
         ORDER BY position DESC LIMIT ?3"
    ))?;
    let mut rows = statement.query_map(params![id.to_simple(), before, limit], rows::message)?;
    while !page.is_full()
        && let Some(message) = rows.next().transpose()?
    {
        let bytes = message.content.len();
        page.push(message, bytes);
    }
    let mut messages = page.into_messages();
    messages.reverse();
    Ok(messages)
}
