//! Finds conversations by their titles.

use rusqlite::{Transaction, params};
use webchat_domain::{SearchQuery, TitleHit, UserId};
use webchat_persistence::search::{MAX_SEARCHED_TITLES, Terms, TitleMatches};

use crate::rows::Columns;

/// Returns the conversations whose titles match, the last updated ones first.
pub(crate) fn search_titles(
    transaction: &Transaction<'_>,
    user_id: UserId,
    query: &SearchQuery,
    limit: u32,
) -> rusqlite::Result<Vec<TitleHit>> {
    let terms = Terms::of(query);
    let mut matches = TitleMatches::of(&terms, limit);
    let mut conversations = transaction.prepare_cached(
        "SELECT conversation_id, updated_at, title FROM conversations WHERE user_id = ?1
         ORDER BY updated_at DESC, conversation_id DESC LIMIT ?2",
    )?;
    let mut found = conversations.query(params![user_id.to_simple(), MAX_SEARCHED_TITLES])?;
    while !matches.is_full()
        && let Some(row) = found.next()?
    {
        let mut columns = Columns::of(row);
        let (id, updated_at) = (columns.parsed()?, columns.timestamp()?);
        if let Some(title) = columns.text_option()? {
            matches.add(id, updated_at, title);
        }
    }
    Ok(matches.into_hits())
}
