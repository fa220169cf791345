//! Pages and numbers of a user's conversations.

use rusqlite::{Transaction, params};
use webchat_domain::{Conversation, UserId};
use webchat_persistence::{ArchiveFilter, Cursor, ListOrder, Page, rules};

use crate::rows::{self, CONVERSATION_COLUMNS};

pub(super) fn list(
    transaction: &Transaction<'_>,
    user_id: UserId,
    filter: ArchiveFilter,
    order: ListOrder,
    after: Option<Cursor>,
    limit: u32,
) -> rusqlite::Result<Page<Conversation>> {
    let column = match order {
        ListOrder::Created => "created_at",
        ListOrder::Updated => "updated_at",
    };
    let archived = match filter {
        ArchiveFilter::All => "",
        ArchiveFilter::Active => "AND archived = 0 AND (message_count > 0 OR title IS NOT NULL)",
        ArchiveFilter::Archived => "AND archived = 1 AND (message_count > 0 OR title IS NOT NULL)",
    };
    let (at, id) = after.map_or((i64::MAX, String::new()), |cursor| {
        (cursor.at.unix_millis(), cursor.id.to_simple())
    });
    let items_to_read = rules::items_to_read(limit);
    let items = transaction
        .prepare_cached(&format!(
            "SELECT {CONVERSATION_COLUMNS} FROM conversations
             WHERE user_id = ?1 {archived} AND ({column}, conversation_id) < (?2, ?3)
             ORDER BY {column} DESC, conversation_id DESC LIMIT ?4"
        ))?
        .query_map(
            params![user_id.to_simple(), at, id, items_to_read],
            rows::read(rows::conversation),
        )?
        .collect::<Result<_, _>>()?;
    Ok(rules::build_page(items, order, limit))
}

pub(super) fn count(transaction: &Transaction<'_>, user_id: UserId) -> rusqlite::Result<u64> {
    transaction
        .prepare_cached("SELECT count(*) FROM conversations WHERE user_id = ?1")?
        .query_row([user_id.to_simple()], |row| row.get(0))
}
