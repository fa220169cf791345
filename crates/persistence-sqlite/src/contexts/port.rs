use async_trait::async_trait;
use rusqlite::{OptionalExtension, Transaction, params};
use webchat_domain::{Context, ConversationId, Timestamp, UserId};
use webchat_persistence::{Contexts, ReplaceContextOutcome, StoreError, StoredContext};

use crate::{SqliteStore, rows};

#[async_trait]
impl Contexts for SqliteStore {
    async fn context(
        &self,
        user_id: UserId,
        id: ConversationId,
    ) -> Result<Option<StoredContext>, StoreError> {
        self.database
            .read(move |transaction| {
                if rows::find_conversation(transaction, user_id, id)?.is_none() {
                    return Ok(None);
                }
                find(transaction, id).map(Some)
            })
            .await
    }

    async fn replace_context(
        &self,
        user_id: UserId,
        id: ConversationId,
        context: Context,
        expected_revision: u64,
    ) -> Result<ReplaceContextOutcome, StoreError> {
        self.database
            .write(move |transaction| {
                if rows::find_conversation(transaction, user_id, id)?.is_none() {
                    return Ok(ReplaceContextOutcome::NotFound);
                }
                if find(transaction, id)?.revision != expected_revision {
                    return Ok(ReplaceContextOutcome::Conflict);
                }
                let revision = expected_revision + 1;
                put(transaction, id, &context, revision)?;
                Ok(ReplaceContextOutcome::Stored { revision })
            })
            .await
    }

    async fn begin_compaction(
        &self,
        id: ConversationId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        self.database
            .write(move |transaction| {
                let begun = transaction.execute(
                    "UPDATE conversations SET compacting_until = ?3
                     WHERE conversation_id = ?1 AND coalesce(compacting_until <= ?2, TRUE)",
                    params![id.to_simple(), now.unix_millis(), until.unix_millis()],
                )?;
                Ok(begun > 0)
            })
            .await
    }

    async fn renew_compaction(
        &self,
        id: ConversationId,
        until: Timestamp,
        later: Timestamp,
    ) -> Result<bool, StoreError> {
        self.hold_compaction(id, until, Some(later)).await
    }

    async fn end_compaction(&self, id: ConversationId, until: Timestamp) -> Result<(), StoreError> {
        self.hold_compaction(id, until, None).await?;
        Ok(())
    }
}

impl SqliteStore {
    /// Whether the right was still the one that was taken until `until`.
    async fn hold_compaction(
        &self,
        id: ConversationId,
        until: Timestamp,
        later: Option<Timestamp>,
    ) -> Result<bool, StoreError> {
        self.database
            .write(move |transaction| {
                let held = transaction.execute(
                    "UPDATE conversations SET compacting_until = ?3
                     WHERE conversation_id = ?1 AND compacting_until = ?2",
                    params![id.to_simple(), until.unix_millis(), later.map(Timestamp::unix_millis)],
                )?;
                Ok(held > 0)
            })
            .await
    }
}

pub(crate) fn find(
    transaction: &Transaction<'_>,
    id: ConversationId,
) -> rusqlite::Result<StoredContext> {
    let found = transaction
        .prepare_cached("SELECT revision, context FROM contexts WHERE conversation_id = ?1")?
        .query_row([id.to_simple()], |row| {
            let context = row.get_ref("context")?.as_str()?;
            Ok(StoredContext {
                revision: row.get("revision")?,
                context: serde_json::from_str(context).map_err(rows::broken)?,
            })
        })
        .optional()?;
    Ok(found.unwrap_or_default())
}

pub(crate) fn put(
    transaction: &Transaction<'_>,
    id: ConversationId,
    context: &Context,
    revision: u64,
) -> rusqlite::Result<()> {
    let context = serde_json::to_string(context).map_err(rows::broken)?;
    transaction
        .prepare_cached("INSERT OR REPLACE INTO contexts VALUES (?1, ?2, ?3)")?
        .execute(params![id.to_simple(), revision, context])?;
    Ok(())
}

/// Drops the summary if it covers the message at this position. The revision rises in any case, so that
/// nobody puts a summary in place who has read what is no longer so.
pub(crate) fn drop_summary_from(
    transaction: &Transaction<'_>,
    id: ConversationId,
    position: u64,
) -> rusqlite::Result<()> {
    let StoredContext { mut context, revision } = find(transaction, id)?;
    context.summary = context.summary.filter(|summary| summary.through < position);
    put(transaction, id, &context, revision + 1)
}

/// Empties it. Its revision rises, so that nobody writes over it who has not seen that.
pub(crate) fn empty(transaction: &Transaction<'_>, id: ConversationId) -> rusqlite::Result<()> {
    let StoredContext { revision, .. } = find(transaction, id)?;
    put(transaction, id, &Context::default(), revision + 1)
}
