use async_trait::async_trait;
use rusqlite::{Row, Transaction, params};
use webchat_domain::{ClientMessageId, ConversationId, JobId, MessageId, Title, UserId};
use webchat_persistence::{
    StoreError, StoredConversation, StoredFileJob, StoredMessage, Totals, Transfer,
};

use crate::rows::{self, CONVERSATION, MESSAGE};
use crate::{SqliteStore, append, contexts, file_rows};

#[async_trait]
impl Transfer for SqliteStore {
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

    async fn messages_after(
        &self,
        id: ConversationId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        self.database.read(move |transaction| messages(transaction, id, after, limit)).await
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

pub(crate) fn messages(
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

pub(crate) fn conversation(
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

pub(crate) fn put_conversation(
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

pub(crate) fn insert_message(
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
