//! Overwrites deleted data in the files of the database.
//!
//! SQLite overwrites deleted rows (`secure_delete=FAST`), but neither the pages that it frees completely nor the older
//! pages in the write-ahead log, and the search index keeps the words of deleted texts until it is merged.

use rusqlite::{Transaction, params};
use webchat_persistence::StoreError;

use crate::database::Database;

/// The number of pages of the search index that a step merges.
const MERGED_PAGES: i64 = 250;

/// The maximum number of pages that a step overwrites.
const MAX_OVERWRITTEN_PAGES: i64 = 500;

const FILL: &str = "
    WITH RECURSIVE rows (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM rows WHERE number < ?1)
    INSERT INTO overwritten_pages (filler) SELECT zeroblob(?2) FROM rows";

const RELEASE: &str = "
    DELETE FROM overwritten_pages WHERE id IN (SELECT id FROM overwritten_pages ORDER BY id LIMIT ?1)";

/// Overwrites everything that was deleted before, in many short steps.
pub(super) async fn overwrite_erased(database: &Database) -> Result<(), StoreError> {
    merge_index(database).await?;
    overwrite_free_pages(database).await?;
    database.truncate_log().await
}

/// Merges all parts of the search index, which removes the words of deleted texts.
async fn merge_index(database: &Database) -> Result<(), StoreError> {
    // An index that has only one part would not be merged, so a message without a text is added and deleted.
    let add = "INSERT OR REPLACE INTO message_terms (rowid, terms, forms) VALUES (-1, '', '')";
    for change in [add, "DELETE FROM message_terms WHERE rowid = -1"] {
        database.write_bulk(|transaction| transaction.execute(change, [])).await?;
    }
    // A negative number makes all parts one merge; positive numbers continue it.
    let mut pages = -MERGED_PAGES;
    while database.write_bulk(move |transaction| merge(transaction, pages)).await? {
        pages = MERGED_PAGES;
    }
    Ok(())
}

/// Returns `false` if there is nothing to merge.
fn merge(transaction: &Transaction<'_>, pages: i64) -> rusqlite::Result<bool> {
    let total_changes = || -> rusqlite::Result<i64> {
        transaction.query_row("SELECT total_changes()", [], |row| row.get(0))
    };
    let before = total_changes()?;
    transaction
        .execute("INSERT INTO message_terms (message_terms, rank) VALUES ('merge', ?1)", [pages])?;
    // The command itself counts as a change.
    Ok(total_changes()? - before > 1)
}

/// Fills all free pages with zeros, and frees them again.
async fn overwrite_free_pages(database: &Database) -> Result<(), StoreError> {
    let mut left = database.write_bulk(|transaction| pragma(transaction, "freelist_count")).await?;
    while left > 0 {
        left -= database.write_bulk(move |transaction| fill(transaction, left)).await?;
    }
    while database.write_bulk(release).await? {}
    Ok(())
}

/// Fills free pages with zeros. Returns at least their number.
///
/// A row takes a page of its own, which `secure_delete` clears when it is taken. Rows of several pages would leave the rest
/// of their last page as it is.
fn fill(transaction: &Transaction<'_>, max: i64) -> rusqlite::Result<i64> {
    let free = pragma(transaction, "freelist_count")?;
    if free == 0 {
        return Ok(max);
    }
    let pages = free.min(max).min(MAX_OVERWRITTEN_PAGES);
    let bytes = pragma(transaction, "page_size")? * 3 / 4;
    // The first row may be in the page that the table has already.
    transaction.execute(FILL, params![pages + 1, bytes])?;
    Ok(pages)
}

/// Frees filled pages. Returns `false` if there are none.
fn release(transaction: &Transaction<'_>) -> rusqlite::Result<bool> {
    Ok(transaction.execute(RELEASE, [MAX_OVERWRITTEN_PAGES])? > 0)
}

fn pragma(transaction: &Transaction<'_>, name: &str) -> rusqlite::Result<i64> {
    transaction.pragma_query_value(None, name, |row| row.get(0))
}
