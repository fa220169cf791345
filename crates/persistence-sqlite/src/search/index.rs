//! Updates the index when a message is written. A trigger updates it when a message is deleted.

use rusqlite::{Transaction, params};
use webchat_domain::{MessageId, UserId};
use webchat_persistence::search::IndexTerms;

/// Indexes the message with this row id, or replaces its terms in the index.
pub(crate) fn index(
    transaction: &Transaction<'_>,
    id: i64,
    user_id: UserId,
    content: &str,
) -> rusqlite::Result<()> {
    index_of(transaction, id, &user_id.to_simple(), &IndexTerms::of(content))
}

/// Indexes the terms of a message's new text.
pub(crate) fn reindex(
    transaction: &Transaction<'_>,
    message_id: MessageId,
    terms: &IndexTerms,
) -> rusqlite::Result<()> {
    let (id, user_id): (i64, String) = transaction
        .prepare_cached("SELECT id, user_id FROM messages WHERE message_id = ?1")?
        .query_row([message_id.to_simple()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    index_of(transaction, id, &user_id, terms)
}

pub(super) fn index_of(
    transaction: &Transaction<'_>,
    id: i64,
    user_id: &str,
    terms: &IndexTerms,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO message_terms (rowid, terms, forms) VALUES (?1, ?2, ?3)",
        )?
        .execute(params![id, joined(user_id, terms.in_order()), joined(user_id, terms.forms())])
        .map(drop)
}

/// Returns a term as stored in the index: with the last 16 digits of the user id as a prefix. These are random. If two
/// users have the same digits, their searches are slower.
pub(super) fn indexed(user_id: &str, term: &str) -> String {
    format!("{}{term}", user_digits(user_id))
}

/// Returns an indexed term without the digits of the user.
pub(super) fn without_user<'a>(user_id: &str, indexed: &'a str) -> &'a str {
    indexed.strip_prefix(user_digits(user_id)).unwrap_or(indexed)
}

fn joined<'a>(user_id: &str, terms: impl IntoIterator<Item = &'a str>) -> String {
    let digits = user_digits(user_id);
    let mut joined = String::new();
    for term in terms {
        joined.extend([digits, term, " "]);
    }
    joined
}

fn user_digits(user_id: &str) -> &str {
    user_id.get(16..).unwrap_or(user_id)
}
