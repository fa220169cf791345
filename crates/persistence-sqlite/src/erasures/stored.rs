//! Counting and erasing what the file has of a user.

use rusqlite::{Transaction, params};
use webchat_domain::{ConversationId, ErasedCounts, UserId};
use webchat_persistence::{StoreError, TokenScope};

use crate::database::Database;
use crate::deletion::removals;
use crate::rows::Columns;

/// Deletes the token counts of a user on all days, of which there are few: the index begins with the day.
const DELETE_TOKEN_COUNTS: &str = "
    WITH RECURSIVE days (day) AS (
        SELECT min(day) FROM daily_tokens
        UNION ALL
        SELECT (SELECT min(day) FROM daily_tokens WHERE daily_tokens.day > days.day) FROM days
        WHERE days.day IS NOT NULL
    )
    DELETE FROM daily_tokens WHERE day IN (SELECT day FROM days) AND scope = ?1 AND key = ?2";

pub(super) fn count(
    transaction: &Transaction<'_>,
    user_id: UserId,
) -> rusqlite::Result<ErasedCounts> {
    let user_id = user_id.to_simple();
    let count = |from: &str| -> rusqlite::Result<u64> {
        let select = format!("SELECT count(*) FROM {from}");
        transaction.query_row(&select, [&user_id], |row| row.get(0))
    };
    let of_conversations =
        "conversation_id IN (SELECT conversation_id FROM conversations WHERE user_id = ?1)";
    Ok(ErasedCounts {
        conversations: count("conversations WHERE user_id = ?1")?,
        messages: count(&format!("messages WHERE {of_conversations}"))?,
        files: count(&format!("file_jobs WHERE {of_conversations}"))?,
        saved_files: 0,
        api_keys: count("api_keys WHERE user_id = ?1")?,
        identities: count("identities WHERE user_id = ?1")?,
    })
}

pub(super) async fn erase(database: &Database, user_id: UserId) -> Result<(), StoreError> {
    // A deleted conversation has no user any more, so all pending deletions are completed.
    for id in database.read(pending_deletions).await? {
        removals::finish(database, id).await?;
    }
    database.write(move |transaction| delete_rows(transaction, user_id)).await
}

fn pending_deletions(transaction: &Transaction<'_>) -> rusqlite::Result<Vec<ConversationId>> {
    transaction
        .prepare("SELECT conversation_id FROM removals")?
        .query_map([], |row| Columns::of(row).parsed())?
        .collect()
}

fn delete_rows(transaction: &Transaction<'_>, user_id: UserId) -> rusqlite::Result<()> {
    let scope = TokenScope::User(user_id);
    transaction.execute(DELETE_TOKEN_COUNTS, params![scope.name(), scope.key()])?;
    for table in ["users", "api_keys", "identities", "stored_bytes", "accounts"] {
        let delete = format!("DELETE FROM {table} WHERE user_id = ?1");
        transaction.execute(&delete, [user_id.to_simple()])?;
    }
    Ok(())
}
