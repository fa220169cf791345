//! Inserting a complete conversation.
//!
//! Its messages are written in batches, so that other writers don't wait for all of them. The conversation is hidden
//! until the last message is written. If the process dies before that, the next process deletes the conversation.

use rusqlite::{OptionalExtension, Transaction};
use webchat_domain::{ConversationId, UserId};
use webchat_persistence::rules;
use webchat_persistence::{StoreError, StoredConversation, StoredMessage};

use super::row;
use crate::database::{Database, batches};
use crate::deletion::removals;
use crate::erasures::is_erased;
use crate::rows::{self, NO_OWNER};
use crate::store::SqliteStore;

impl SqliteStore {
    /// Inserts the conversation. Returns `false` if its id is in use, or the user was erased.
    pub(super) async fn insert(
        &self,
        conversation: StoredConversation,
        messages: Vec<StoredMessage>,
    ) -> Result<bool, StoreError> {
        let id = conversation.conversation.conversation_id;
        // Only one insertion runs at a time. Therefore an earlier insertion of a hidden conversation did not complete.
        let _insertion_guard = self.insertion.lock().await;
        let user_id = conversation.user_id;
        let is_refused = move |transaction: &Transaction<'_>| {
            Ok(is_in_use(transaction, id)? || is_erased(transaction, user_id)?)
        };
        if self.database.read(is_refused).await? {
            return Ok(false);
        }
        let discard = move |transaction: &Transaction<'_>| discard_hidden(transaction, id);
        self.database.write(discard).await?;
        removals::finish(&self.database, id).await?;
        let inserted = insert_batches(&self.database, conversation, messages).await;
        if !matches!(inserted, Ok(true)) {
            // If this fails, the next insertion or the next start deletes the written messages.
            let _ = self.database.write(discard).await;
            self.deletion_worker.wake();
        }
        inserted
    }
}

async fn insert_batches(
    database: &Database,
    conversation: StoredConversation,
    messages: Vec<StoredMessage>,
) -> Result<bool, StoreError> {
    let user_id = conversation.user_id;
    let hidden = conversation.clone();
    if !database.write(move |transaction| row::insert_hidden(transaction, &hidden)).await? {
        return Ok(false);
    }
    for batch in batches(messages) {
        database
            .write_bulk(move |transaction| {
                batch
                    .iter()
                    .try_for_each(|message| rows::insert_message(transaction, user_id, message))
            })
            .await?;
    }
    database
        .write(move |transaction| {
            // The user's erasure may have been requested in the meantime.
            let is_erased = is_erased(transaction, user_id)?;
            if !is_erased {
                row::put_conversation(transaction, &conversation)?;
            }
            Ok(!is_erased)
        })
        .await
}

/// Adds messages to the user's conversation. Returns their number.
pub(super) fn add_messages(
    transaction: &Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    mut messages: Vec<StoredMessage>,
) -> rusqlite::Result<u64> {
    let Some(state) = rows::find_state(transaction, user_id, id)? else { return Ok(0) };
    let mut find = transaction.prepare_cached("SELECT 1 FROM messages WHERE message_id = ?1")?;
    let mut is_new = |stored: &StoredMessage| {
        find.exists([stored.message.message_id.to_simple()]).map(|exists| !exists)
    };
    let are_new = messages.iter().map(&mut is_new).collect::<rusqlite::Result<Vec<bool>>>()?;
    let mut are_new = are_new.into_iter();
    messages.retain(|_| are_new.next() == Some(true));
    let (state, messages) = rules::add_messages(state, messages);
    for message in &messages {
        rows::insert_message(transaction, user_id, message)?;
    }
    rows::update_state(transaction, &state)?;
    Ok(u64::try_from(messages.len()).unwrap_or(u64::MAX))
}

fn is_in_use(transaction: &Transaction<'_>, id: ConversationId) -> rusqlite::Result<bool> {
    let user_id = user_of(transaction, id)?;
    Ok(user_id.is_some_and(|user_id| user_id != NO_OWNER))
}

fn discard_hidden(transaction: &Transaction<'_>, id: ConversationId) -> rusqlite::Result<()> {
    match user_of(transaction, id)? {
        Some(user_id) if user_id == NO_OWNER => removals::discard(transaction, &id.to_simple()),
        _ => Ok(()),
    }
}

fn user_of(transaction: &Transaction<'_>, id: ConversationId) -> rusqlite::Result<Option<String>> {
    transaction
        .prepare_cached("SELECT user_id FROM conversations WHERE conversation_id = ?1")?
        .query_row([id.to_simple()], |row| row.get(0))
        .optional()
}
