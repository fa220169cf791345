//! Inserting a complete conversation.
//!
//! The conversation itself is inserted last, together with the last batch of its messages. Until then, its messages are
//! invisible. If a crash leaves messages behind, the next attempt deletes them.

use std::collections::HashSet;

use futures_util::FutureExt;
use mongodb::bson::{Bson, doc};
use mongodb::error::Result as MongoResult;
use webchat_domain::{ConversationId, UserId};
use webchat_persistence::rules;
use webchat_persistence::{StoreError, StoredConversation, StoredMessage};

use crate::database::{MAX_DOCUMENTS, MongoDatabase, READ_TIME, Transaction};
use crate::deletion::removals;
use crate::documents::{ConversationDocument, MessageDocument, message_batches};
use crate::erasures::is_erased;
use crate::queries::{by_id, by_owner, find_conversation, update_state};

/// Inserts the conversation. Returns `false` if its id is in use, or the user was erased.
pub(super) async fn insert_with_messages(
    database: &MongoDatabase,
    conversation: StoredConversation,
    messages: Vec<StoredMessage>,
) -> Result<bool, StoreError> {
    removals::delete_all_pending(database).await?;
    let user_id = conversation.user_id;
    let conversation = ConversationDocument::new(conversation);
    let id = conversation.conversation_id;
    while database.transaction(id, |t, id| delete_leftovers(t, *id).boxed()).await? {}
    let messages = messages.into_iter().map(|message| MessageDocument::new(user_id, message));
    let mut batches = message_batches(messages);
    let last_batch = batches.pop().unwrap_or_default();
    let mut written = 0;
    for batch in batches {
        written += u64::try_from(batch.len()).unwrap_or(u64::MAX);
        let batch = (user_id, id, batch);
        if !database.transaction(batch, |t, batch| insert_messages(t, batch).boxed()).await? {
            return Ok(false);
        }
    }
    let last = LastInsert { conversation, written, messages: last_batch };
    match database.transaction(last, |t, last| insert_last(t, last).boxed()).await? {
        InsertOutcome::Inserted => Ok(true),
        InsertOutcome::Refused => Ok(false),
        InsertOutcome::Conflict => {
            Err(StoreError::unavailable("another process is inserting the same conversation"))
        }
    }
}

/// Adds messages to the user's conversation. Returns their number.
pub(super) async fn add_messages(
    database: &MongoDatabase,
    user_id: UserId,
    id: ConversationId,
    messages: Vec<StoredMessage>,
) -> Result<u64, StoreError> {
    removals::delete_all_pending(database).await?;
    let documents = messages.into_iter().map(|message| MessageDocument::new(user_id, message));
    let mut added = 0;
    for batch in message_batches(documents) {
        let batch = (user_id, id, batch);
        added += database.transaction(batch, |t, batch| add_batch(t, batch).boxed()).await?;
    }
    Ok(added)
}

async fn add_batch(
    mut transaction: Transaction<'_>,
    (user_id, id, batch): &(UserId, ConversationId, Vec<MessageDocument>),
) -> MongoResult<u64> {
    let Some(found) = find_conversation(&mut transaction, by_owner(*user_id, *id)).await? else {
        return Ok(0);
    };
    let ids: Vec<Bson> = batch.iter().map(|added| added.message_id.to_string().into()).collect();
    let messages = transaction.database.messages();
    let find = messages.find(doc! { "message_id": { "$in": ids } }).max_time(READ_TIME);
    let mut cursor = find.session(&mut *transaction.session).await?;
    let mut known = HashSet::new();
    while let Some(message) = cursor.next(&mut *transaction.session).await.transpose()? {
        known.insert(message.message_id);
    }
    let new = batch.iter().filter(|message| !known.contains(&message.message_id));
    let new = new.cloned().map(StoredMessage::from).collect();
    let (state, new) = rules::add_messages(found.state(), new);
    let new: Vec<_> =
        new.into_iter().map(|message| MessageDocument::new(*user_id, message)).collect();
    if !new.is_empty() {
        messages.insert_many(&new).session(&mut *transaction.session).await?;
        update_state(&mut transaction, &state).await?;
    }
    Ok(u64::try_from(new.len()).unwrap_or(u64::MAX))
}

/// The content of the last transaction.
struct LastInsert {
    conversation: ConversationDocument,
    /// The number of messages that were inserted before.
    written: u64,
    messages: Vec<MessageDocument>,
}

enum InsertOutcome {
    Inserted,
    /// Its id is in use, or the user was erased.
    Refused,
    /// Another process has deleted the messages that were inserted before.
    Conflict,
}

/// Deletes up to `MAX_DOCUMENTS` messages of a conversation that does not exist. Returns `false` when
/// there are no more.
async fn delete_leftovers(
    mut transaction: Transaction<'_>,
    id: ConversationId,
) -> MongoResult<bool> {
    if find_conversation(&mut transaction, by_id(id)).await?.is_some() {
        return Ok(false);
    }
    let Transaction { database, session } = transaction;
    let of_conversation = doc! { "conversation_id": id.to_string() };
    let messages = database.messages();
    let find = messages.find(of_conversation).max_time(READ_TIME).limit(i64::from(MAX_DOCUMENTS));
    let mut cursor = find.session(&mut *session).await?;
    let mut ids: Vec<Bson> = Vec::new();
    while let Some(message) = cursor.next(&mut *session).await.transpose()? {
        ids.push(message.message_id.to_string().into());
    }
    if ids.is_empty() {
        return Ok(false);
    }
    messages.delete_many(doc! { "message_id": { "$in": ids } }).session(session).await?;
    Ok(true)
}

/// Inserts messages. Returns `false` if the conversation exists already, or the user was erased.
async fn insert_messages(
    mut transaction: Transaction<'_>,
    (user_id, id, batch): &(UserId, ConversationId, Vec<MessageDocument>),
) -> MongoResult<bool> {
    if find_conversation(&mut transaction, by_id(*id)).await?.is_some()
        || is_erased(&mut transaction, *user_id).await?
    {
        return Ok(false);
    }
    let messages = transaction.database.messages();
    messages.insert_many(batch).session(transaction.session).await?;
    Ok(true)
}

async fn insert_last(
    mut transaction: Transaction<'_>,
    last: &LastInsert,
) -> MongoResult<InsertOutcome> {
    let id = last.conversation.conversation_id;
    if find_conversation(&mut transaction, by_id(id)).await?.is_some()
        || is_erased(&mut transaction, last.conversation.user_id).await?
    {
        return Ok(InsertOutcome::Refused);
    }
    let Transaction { database, session } = transaction;
    let messages = database.messages();
    let of_conversation = doc! { "conversation_id": id.to_string() };
    let written = messages
        .count_documents(of_conversation)
        .max_time(READ_TIME)
        .session(&mut *session)
        .await?;
    if written != last.written {
        return Ok(InsertOutcome::Conflict);
    }
    if !last.messages.is_empty() {
        messages.insert_many(&last.messages).session(&mut *session).await?;
    }
    database.conversations().insert_one(&last.conversation).session(session).await?;
    Ok(InsertOutcome::Inserted)
}
