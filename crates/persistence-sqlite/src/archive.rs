use async_trait::async_trait;
use rusqlite::{Row, Transaction, params};
use webchat_domain::{ClientMessageId, ConversationId, JobId, MessageId, Title, UserId};
use webchat_persistence::{
    ConversationArchive, Cursor, StoreError, StoredConversation, StoredFileJob, StoredMessage,
    Totals,
};

use crate::rows::{self, CONVERSATION, MESSAGE};
use crate::{SqliteStore, append, contexts, file_rows};

#[async_trait]
impl ConversationArchive for SqliteStore {
    async fn totals(&self) -> Result<Totals, StoreError> {
        self.database
            .read(|transaction| {
                let count = |sql| transaction.query_row(sql, [], |row| row.get(0));
                Ok(Totals {
                    conversations: count("SELECT count(*) FROM conversations")?,
                    messages: count("SELECT count(*) FROM messages")?,
                })
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
            .read(move |transaction| {
                transaction
                    .prepare_cached(&format!(
                        "SELECT {CONVERSATION}, user_id, head, last_position FROM conversations
                         WHERE conversation_id > ?1 ORDER BY conversation_id LIMIT ?2"
                    ))?
                    .query_map(params![after, limit], |row| conversation(transaction, row))?
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
            .read(move |transaction| {
                transaction
                    .prepare_cached(&format!(
                        "SELECT {CONVERSATION}, user_id, head, last_position FROM conversations
                         WHERE user_id = ?1 AND (created_at, conversation_id) > (?2, ?3)
                         ORDER BY created_at, conversation_id LIMIT ?4"
                    ))?
                    .query_map(params![user_id.to_simple(), at, id, limit], |row| {
                        conversation(transaction, row)
                    })?
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
            .read(move |transaction| {
                transaction
                    .prepare_cached(&format!(
                        "SELECT {CONVERSATION}, user_id, head, last_position FROM conversations
                         WHERE conversation_id = ?1 AND user_id = ?2"
                    ))?
                    .query_map([id.to_simple(), user_id.to_simple()], |row| {
                        conversation(transaction, row)
                    })?
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
            .read(move |transaction| {
                if rows::find_conversation(transaction, user_id, id)?.is_none() {
                    return Ok(None);
                }
                messages(transaction, id, after, limit).map(Some)
            })
            .await
    }

    async fn insert_with_messages(
        &self,
        conversation: StoredConversation,
        messages: Vec<StoredMessage>,
    ) -> Result<bool, StoreError> {
        self.database
            .write(move |transaction| {
                let id = conversation.conversation.conversation_id.to_simple();
                let is_in_use: bool = transaction.query_row(
                    "SELECT EXISTS (SELECT 1 FROM conversations WHERE conversation_id = ?1)",
                    [id],
                    |row| row.get(0),
                )?;
                if is_in_use {
                    return Ok(false);
                }
                put_conversation(transaction, &conversation)?;
                for message in &messages {
                    insert_message(transaction, conversation.user_id, message)?;
                }
                Ok(true)
            })
            .await
    }

    async fn put_conversation(&self, conversation: StoredConversation) -> Result<(), StoreError> {
        self.database.write(move |transaction| put_conversation(transaction, &conversation)).await
    }

    async fn put_messages(
        &self,
        user_id: UserId,
        messages: Vec<StoredMessage>,
    ) -> Result<(), StoreError> {
        self.database
            .write(move |transaction| {
                messages.iter().try_for_each(|message| put_message(transaction, user_id, message))
            })
            .await
    }

    async fn file_jobs_after(
        &self,
        id: ConversationId,
        after: Option<JobId>,
        limit: u32,
    ) -> Result<Vec<StoredFileJob>, StoreError> {
        self.database
            .read(move |transaction| file_rows::stored(transaction, id, after, limit))
            .await
    }

    async fn put_file_job(&self, job: StoredFileJob) -> Result<(), StoreError> {
        self.database.write(move |transaction| file_rows::put(transaction, &job)).await
    }
}

fn messages(
    transaction: &Transaction<'_>,
    id: ConversationId,
    after: u64,
    limit: u32,
) -> rusqlite::Result<Vec<StoredMessage>> {
    transaction
        .prepare_cached(&format!(
            "SELECT {MESSAGE}, client_message_id, active FROM messages
             WHERE conversation_id = ?1 AND position > ?2 ORDER BY position LIMIT ?3"
        ))?
        .query_map(params![id.to_simple(), after, limit], message)?
        .collect()
}

fn conversation(
    transaction: &Transaction<'_>,
    row: &Row<'_>,
) -> rusqlite::Result<StoredConversation> {
    let conversation = rows::conversation(row)?;
    Ok(StoredConversation {
        user_id: rows::parsed(row, "user_id")?,
        head: rows::parsed_option(row, "head")?,
        last_position: row.get("last_position")?,
        context: contexts::find(transaction, conversation.conversation_id)?.context,
        conversation,
    })
}

fn message(row: &Row<'_>) -> rusqlite::Result<StoredMessage> {
    let client_message_id: Option<String> = row.get("client_message_id")?;
    Ok(StoredMessage {
        message: rows::message(row)?,
        client_message_id: client_message_id
            .map(ClientMessageId::try_from)
            .transpose()
            .map_err(rows::broken)?,
        active: row.get("active")?,
    })
}

fn put_conversation(
    transaction: &Transaction<'_>,
    stored: &StoredConversation,
) -> rusqlite::Result<()> {
    let conversation = &stored.conversation;
    let id = conversation.conversation_id;
    transaction
        .prepare_cached(
            "INSERT INTO conversations (conversation_id, user_id, title, created_at, updated_at,
                 message_count, last_position, total_tokens, head, archived)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
             ON CONFLICT (conversation_id) DO UPDATE SET
                 user_id = ?2, title = ?3, created_at = ?4, updated_at = ?5,
                 message_count = ?6, last_position = ?7, total_tokens = ?8, head = ?9, archived = ?10",
        )?
        .execute(params![
            id.to_simple(),
            stored.user_id.to_simple(),
            conversation.title.as_ref().map(Title::as_str),
            conversation.created_at.unix_millis(),
            conversation.updated_at.unix_millis(),
            conversation.message_count,
            stored.last_position,
            conversation.total_tokens,
            stored.head.map(MessageId::to_simple),
            conversation.archived,
        ])?;
    let revision = contexts::find(transaction, id)?.revision;
    contexts::put(transaction, id, &stored.context, revision + 1)
}

fn put_message(
    transaction: &Transaction<'_>,
    user_id: UserId,
    stored: &StoredMessage,
) -> rusqlite::Result<()> {
    let message_id = stored.message.message_id.to_simple();
    transaction
        .prepare_cached("DELETE FROM messages WHERE message_id = ?1")?
        .execute([&message_id])?;
    insert_message(transaction, user_id, stored)
}

fn insert_message(
    transaction: &Transaction<'_>,
    user_id: UserId,
    stored: &StoredMessage,
) -> rusqlite::Result<()> {
    append::insert(transaction, user_id, &stored.message, stored.client_message_id.as_ref())?;
    if !stored.active {
        transaction
            .prepare_cached("UPDATE messages SET active = 0 WHERE message_id = ?1")?
            .execute([stored.message.message_id.to_simple()])?;
    }
    Ok(())
}
