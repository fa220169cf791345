//! Rows of `contexts`.

use rusqlite::{OptionalExtension, Transaction, params};
use webchat_domain::{Context, ConversationId};
use webchat_persistence::{StoredContext, rules};

use crate::rows::{self, Columns};

pub(crate) fn find(
    transaction: &Transaction<'_>,
    id: ConversationId,
) -> rusqlite::Result<StoredContext> {
    let found = transaction
        .prepare_cached("SELECT revision, context FROM contexts WHERE conversation_id = ?1")?
        .query_row([id.to_simple()], rows::read(stored_context))
        .optional()?;
    Ok(found.unwrap_or_default())
}

fn stored_context(columns: &mut Columns<'_>) -> rusqlite::Result<StoredContext> {
    Ok(StoredContext {
        revision: columns.value()?,
        context: serde_json::from_str(columns.text()?).map_err(rows::invalid)?,
    })
}

pub(crate) fn put(
    transaction: &Transaction<'_>,
    id: ConversationId,
    context: &Context,
    revision: u64,
) -> rusqlite::Result<()> {
    let context = serde_json::to_string(context).map_err(rows::invalid)?;
    transaction
        .prepare_cached(
            "INSERT INTO contexts VALUES (?1, ?2, ?3)
             ON CONFLICT (conversation_id) DO UPDATE SET revision = ?2, context = ?3",
        )?
        .execute(params![id.to_simple(), revision, context])?;
    Ok(())
}

/// Deletes the context of a conversation that is being deleted.
pub(crate) fn delete(transaction: &Transaction<'_>, id: &str) -> rusqlite::Result<usize> {
    transaction.prepare_cached("DELETE FROM contexts WHERE conversation_id = ?1")?.execute([id])
}

/// Drops the summary if it covers the message at this position, which has changed. The revision increases in any case,
/// so that a summary of the old path is not stored.
pub(crate) fn drop_summary_covering(
    transaction: &Transaction<'_>,
    id: ConversationId,
    position: u64,
) -> rusqlite::Result<()> {
    let StoredContext { mut context, revision } = find(transaction, id)?;
    context.summary =
        context.summary.filter(|summary| rules::is_summary_kept(summary.through, position));
    put(transaction, id, &context, rules::next_revision(revision))
}

/// Empties the context. Its revision increases, so that a writer that has not seen the change gets a conflict.
pub(crate) fn reset(transaction: &Transaction<'_>, id: ConversationId) -> rusqlite::Result<()> {
    let StoredContext { revision, .. } = find(transaction, id)?;
    put(transaction, id, &Context::default(), rules::next_revision(revision))
}
