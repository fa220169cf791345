//! Rows of complete conversations and messages, including columns that users don't see.

use rusqlite::{Transaction, params};
use webchat_domain::{ConversationId, MessageId, Title, UserId};
use webchat_persistence::rules;
use webchat_persistence::{StoredConversation, StoredMessage};

use crate::contexts;
use crate::rows::{self, Columns, NO_OWNER, STORED_MESSAGE};

pub(super) fn messages(
    transaction: &Transaction<'_>,
    id: ConversationId,
    after: u64,
    limit: u32,
) -> rusqlite::Result<Vec<StoredMessage>> {
    let mut statement = transaction.prepare_cached(&format!(
        "SELECT {STORED_MESSAGE} FROM live_messages
         WHERE conversation_id = ?1 AND position > ?2 ORDER BY position LIMIT ?3"
    ))?;
    let found = statement
        .query_map(params![id.to_simple(), after, limit], rows::read(rows::stored_message))?;
    rows::message_page(limit, found, |stored| &stored.message)
}

pub(super) fn conversation(
    transaction: &Transaction<'_>,
    columns: &mut Columns<'_>,
) -> rusqlite::Result<StoredConversation> {
    let conversation = rows::conversation(columns)?;
    Ok(StoredConversation {
        user_id: columns.parsed()?,
        head: columns.parsed_option()?,
        last_position: columns.value()?,
        context: contexts::find(transaction, conversation.conversation_id)?.context,
        conversation,
    })
}

/// Inserts a conversation that is hidden until [`put_conversation`] completes it. Returns `false` if its id is in use.
pub(super) fn insert_hidden(
    transaction: &Transaction<'_>,
    stored: &StoredConversation,
) -> rusqlite::Result<bool> {
    let conversation = &stored.conversation;
    let inserted = transaction
        .prepare_cached(
            "INSERT INTO conversations (conversation_id, user_id, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4) ON CONFLICT (conversation_id) DO NOTHING",
        )?
        .execute(params![
            conversation.conversation_id.to_simple(),
            NO_OWNER,
            conversation.created_at.unix_millis(),
            conversation.updated_at.unix_millis(),
        ])?;
    Ok(inserted > 0)
}

pub(super) fn put_conversation(
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
    contexts::put(transaction, id, &stored.context, rules::next_revision(revision))
}

pub(super) fn put_message(
    transaction: &Transaction<'_>,
    user_id: UserId,
    stored: &StoredMessage,
) -> rusqlite::Result<()> {
    let message_id = stored.message.message_id.to_simple();
    transaction
        .prepare_cached("DELETE FROM messages WHERE message_id = ?1")?
        .execute([&message_id])?;
    rows::insert_message(transaction, user_id, stored)
}
