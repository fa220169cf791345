//! Implements [`Contexts`].

use async_trait::async_trait;
use rusqlite::params;
use webchat_domain::{Context, ConversationId, Timestamp, UserId};
use webchat_persistence::{Contexts, ReplaceContextOutcome, StoreError, StoredContext, rules};

use super::row::{find, put};
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
                let revision = rules::next_revision(expected_revision);
                put(transaction, id, &context, revision)?;
                Ok(ReplaceContextOutcome::Stored { revision })
            })
            .await
    }

    async fn acquire_compaction_lease(
        &self,
        id: ConversationId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        self.database
            .write(move |transaction| {
                let (now, until) = (now.unix_millis(), until.unix_millis());
                let updated = transaction
                    .prepare_cached(
                        "UPDATE conversations SET compacting_until = ?3
                         WHERE conversation_id = ?1 AND user_id <> ?4
                             AND coalesce(compacting_until <= ?2, TRUE)",
                    )?
                    .execute(params![id.to_simple(), now, until, rows::NO_OWNER])?;
                Ok(updated > 0)
            })
            .await
    }

    async fn renew_compaction_lease(
        &self,
        id: ConversationId,
        until: Timestamp,
        later: Timestamp,
    ) -> Result<bool, StoreError> {
        self.set_compaction_lease(id, until, Some(later)).await
    }

    async fn release_compaction_lease(
        &self,
        id: ConversationId,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        self.set_compaction_lease(id, until, None).await?;
        Ok(())
    }
}

impl SqliteStore {
    /// Renews or releases the lease that expires at `current`. Returns `false` if the lease is another one.
    async fn set_compaction_lease(
        &self,
        id: ConversationId,
        current: Timestamp,
        new: Option<Timestamp>,
    ) -> Result<bool, StoreError> {
        self.database
            .write(move |transaction| {
                let (current, new) = (current.unix_millis(), new.map(Timestamp::unix_millis));
                let updated = transaction
                    .prepare_cached(
                        "UPDATE conversations SET compacting_until = ?3
                         WHERE conversation_id = ?1 AND compacting_until = ?2",
                    )?
                    .execute(params![id.to_simple(), current, new])?;
                Ok(updated > 0)
            })
            .await
    }
}
