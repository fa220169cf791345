//! Implements [`ConversationTransfer`].

use async_trait::async_trait;
use rusqlite::{OptionalExtension, params};
use webchat_domain::{ConversationId, JobId, UserId};
use webchat_persistence::{
    ConversationTransfer, Cursor, StoreError, StoredConversation, StoredFileJob, StoredMessage,
    Totals,
};

use super::{insert, row};
use crate::SqliteStore;
use crate::database::batches;
use crate::deletion::removals;
use crate::rows::{self, CONVERSATION_COLUMNS};

#[async_trait]
impl ConversationTransfer for SqliteStore {
    async fn totals(&self) -> Result<Totals, StoreError> {
        self.database
            .read_long(None, |transaction| {
                let count = |sql| transaction.query_row(sql, [], |row| row.get(0));
                Ok(Totals {
                    conversations: count("SELECT count(*) FROM conversations WHERE user_id <> ''")?,
                    messages: count("SELECT count(*) FROM live_messages")?,
                })
            })
            .await
    }

    async fn stored_bytes_of(&self, user_id: UserId) -> Result<u64, StoreError> {
        self.database
            .read(move |transaction| {
                transaction
                    .prepare_cached("SELECT max(bytes, 0) FROM stored_bytes WHERE user_id = ?1")?
                    .query_row([user_id.to_simple()], |row| row.get(0))
                    .optional()
                    .map(Option::unwrap_or_default)
            })
            .await
    }

    async fn stored_bytes(&self) -> Result<u64, StoreError> {
        self.database
            .read(|transaction| {
                let pragma = |name| transaction.pragma_query_value(None, name, |row| row.get(0));
                let (pages, free): (u64, u64) = (pragma("page_count")?, pragma("freelist_count")?);
                let page_size: u64 = pragma("page_size")?;
                Ok(pages.saturating_sub(free).saturating_mul(page_size))
            })
            .await
    }

    async fn conversations_after(
        &self,
        after: Option<ConversationId>,
        limit: u32,
    ) -> Result<Vec<StoredConversation>, StoreError> {
        let after = after.map(ConversationId::to_simple).unwrap_or_default();
        self.database
            .read_long(None, move |transaction| {
                transaction
                    .prepare_cached(&format!(
                        "SELECT {CONVERSATION_COLUMNS}, user_id, head, last_position FROM conversations
                         WHERE conversation_id > ?1 AND user_id <> '' ORDER BY conversation_id LIMIT ?2"
                    ))?
                    .query_map(params![after, limit], rows::read(|columns| row::conversation(transaction, columns)))?
                    .collect()
            })
            .await
    }

    async fn conversations_of(
        &self,
        user_id: UserId,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Vec<StoredConversation>, StoreError> {
        let (at, id) = after.map_or((i64::MIN, String::new()), |cursor| {
            (cursor.at.unix_millis(), cursor.id.to_simple())
        });
        self.database
            .read_long(Some(user_id), move |transaction| {
                transaction
                    .prepare_cached(&format!(
                        "SELECT {CONVERSATION_COLUMNS}, user_id, head, last_position FROM conversations
                         WHERE user_id = ?1 AND (created_at, conversation_id) > (?2, ?3)
                         ORDER BY created_at, conversation_id LIMIT ?4"
                    ))?
                    .query_map(params![user_id.to_simple(), at, id, limit], rows::read(|columns| row::conversation(transaction, columns)))?
                    .collect()
            })
            .await
    }

    async fn conversation_of(
        &self,
        user_id: UserId,
        id: ConversationId,
    ) -> Result<Option<StoredConversation>, StoreError> {
        self.database
            .read_long(Some(user_id), move |transaction| {
                transaction
                    .prepare_cached(&format!(
                        "SELECT {CONVERSATION_COLUMNS}, user_id, head, last_position FROM conversations
                         WHERE conversation_id = ?1 AND user_id = ?2"
                    ))?
                    .query_map([id.to_simple(), user_id.to_simple()], rows::read(|columns| row::conversation(transaction, columns)))?
                    .next()
                    .transpose()
            })
            .await
    }

    async fn messages_of(
        &self,
        user_id: UserId,
        id: ConversationId,
        after: u64,
        limit: u32,
    ) -> Result<Option<Vec<StoredMessage>>, StoreError> {
        self.database
            .read_long(Some(user_id), move |transaction| {
                if rows::find_conversation(transaction, user_id, id)?.is_none() {
                    return Ok(None);
                }
                row::messages(transaction, id, after, limit).map(Some)
            })
            .await
    }

    async fn insert_with_messages(
        &self,
        conversation: StoredConversation,
        messages: Vec<StoredMessage>,
    ) -> Result<bool, StoreError> {
        self.insert(conversation, messages).await
    }

    async fn add_messages(
        &self,
        user_id: UserId,
        id: ConversationId,
        messages: Vec<StoredMessage>,
    ) -> Result<u64, StoreError> {
        removals::finish(&self.database, id).await?;
        let mut added = 0;
        for batch in batches(messages) {
            added += self
                .database
                .write_bulk(move |transaction| {
                    insert::add_messages(transaction, user_id, id, batch)
                })
                .await?;
        }
        Ok(added)
    }

    async fn put_conversation(&self, conversation: StoredConversation) -> Result<(), StoreError> {
        removals::finish(&self.database, conversation.conversation.conversation_id).await?;
        self.database
            .write(move |transaction| row::put_conversation(transaction, &conversation))
            .await
    }

    async fn put_messages(
        &self,
        user_id: UserId,
        messages: Vec<StoredMessage>,
    ) -> Result<(), StoreError> {
        for batch in batches(messages) {
            self.database
                .write_bulk(move |transaction| {
                    batch
                        .iter()
                        .try_for_each(|message| row::put_message(transaction, user_id, message))
                })
                .await?;
        }
        Ok(())
    }

    async fn file_jobs_after(
        &self,
        id: ConversationId,
        after: Option<JobId>,
        limit: u32,
    ) -> Result<Vec<StoredFileJob>, StoreError> {
        self.database
            .read_long(None, move |transaction| rows::stored_jobs(transaction, id, after, limit))
            .await
    }

    async fn put_file_job(&self, job: StoredFileJob) -> Result<(), StoreError> {
        self.database.write(move |transaction| rows::put_job(transaction, &job)).await
    }
}
