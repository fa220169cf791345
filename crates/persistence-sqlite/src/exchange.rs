use async_trait::async_trait;
use rusqlite::params;
use webchat_domain::{ConversationId, UserId};
use webchat_persistence::{Cursor, Exchange, StoreError, StoredConversation, StoredMessage};

use crate::rows::{self, CONVERSATION};
use crate::{SqliteStore, transfer};

#[async_trait]
impl Exchange for SqliteStore {
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
                        transfer::conversation(transaction, row)
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
                        transfer::conversation(transaction, row)
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
                transfer::messages(transaction, id, after, limit).map(Some)
            })
            .await
    }

    async fn add_whole(
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
                transfer::put_conversation(transaction, &conversation)?;
                for message in &messages {
                    transfer::insert_message(transaction, conversation.user_id, message)?;
                }
                Ok(true)
            })
            .await
    }
}
