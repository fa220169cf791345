//! Writes converted conversations in four steps. Nothing is visible before the last step, which is one transaction:
//!
//! 1. Delete messages that an interrupted run left behind.
//! 2. Back up the legacy documents.
//! 3. Write the messages.
//! 4. Read the messages back, compare them, and convert the documents.

use std::collections::{HashMap, HashSet};
use std::slice;

use futures_util::{FutureExt, TryStreamExt};
use mongodb::bson::{
    Bson, Document, RawDocumentBuf, deserialize_from_document, doc, serialize_to_document,
};
use mongodb::error::{ErrorKind, Result as MongoResult, WriteError, WriteFailure};
use serde::Deserialize;
use serde_with::{DisplayFromStr, TryFromInto, serde_as};
use webchat_domain::{ConversationId, Role};
use webchat_persistence::StoreError;

use super::converted::{Converted, Fingerprint};
use super::lock::HeldLock;
use super::partition::MessageKey;
use super::report::MigrationError;
use super::skip_reason::SkipReason;
use crate::database::{MAX_DOCUMENTS, Transaction};
use crate::documents::{MessageDocument, message_batches};
use crate::error::code;
use crate::schema::{BACKUP, CONVERSATIONS, MESSAGES};

/// Migrates the documents. Returns for each the reason why it was skipped, or `None` if it was migrated.
pub(super) async fn migrate(
    lock: &mut HeldLock<'_>,
    batch: &[Converted],
) -> Result<Vec<Option<SkipReason>>, MigrationError> {
    let reasons = match attempt(lock, batch).await {
        Err(MigrationError::Store(StoreError::Fault(_))) => attempt_each(lock, batch).await?,
        result => result?,
    };
    let skipped = batch.iter().zip(&reasons).filter(|(_, reason)| reason.is_some());
    let skipped: Vec<&Converted> = skipped.map(|(converted, _)| converted).collect();
    if !skipped.is_empty() {
        delete_messages(lock, skipped.iter().copied()).await?;
        delete_backups(lock, &skipped).await?;
    }
    Ok(reasons)
}

/// Migrates each document separately, so that a document that the server rejects does not affect the others.
async fn attempt_each(
    lock: &mut HeldLock<'_>,
    batch: &[Converted],
) -> Result<Vec<Option<SkipReason>>, MigrationError> {
    let mut reasons = Vec::with_capacity(batch.len());
    for converted in batch {
        match attempt(lock, slice::from_ref(converted)).await {
            Err(MigrationError::Store(StoreError::Fault(cause))) => {
                let cause = cause.downcast_ref::<ErrorKind>().and_then(code);
                reasons.push(Some(SkipReason::Rejected(cause.unwrap_or_default())));
            }
            result => reasons.extend(result?),
        }
    }
    Ok(reasons)
}

async fn attempt(
    lock: &mut HeldLock<'_>,
    batch: &[Converted],
) -> Result<Vec<Option<SkipReason>>, MigrationError> {
    delete_messages(lock, batch).await?;
    back_up(lock, batch).await?;
    write_messages(lock, batch).await?;
    lock.transaction(batch, |transaction, batch| convert_documents(transaction, batch).boxed())
        .await
}

/// Deletes messages of these conversations that an interrupted migration left behind.
async fn delete_messages(
    lock: &mut HeldLock<'_>,
    batch: impl IntoIterator<Item = &Converted>,
) -> Result<(), MigrationError> {
    let ids: Vec<String> = batch
        .into_iter()
        .map(|converted| converted.conversation.conversation_id.to_string())
        .collect();
    while lock
        .transaction(&ids, |transaction, ids| delete_some_messages(transaction, ids).boxed())
        .await?
    {}
    Ok(())
}

/// Deletes the backups of skipped documents: restoring them would undo later changes.
async fn delete_backups(
    lock: &mut HeldLock<'_>,
    batch: &[&Converted],
) -> Result<(), MigrationError> {
    let ids: Vec<&Bson> = batch.iter().map(|converted| &converted.id).collect();
    lock.transaction(ids, |Transaction { database, session }, ids| {
        async move {
            let backup = database.raw().collection::<RawDocumentBuf>(BACKUP);
            backup.delete_many(doc! { "_id": { "$in": ids } }).session(session).await?;
            Ok(())
        }
        .boxed()
    })
    .await
}

async fn back_up(lock: &mut HeldLock<'_>, batch: &[Converted]) -> Result<(), MigrationError> {
    lock.transaction(batch, |Transaction { database, session }, batch| {
        async move {
            let backup = database.raw().collection::<RawDocumentBuf>(BACKUP);
            // An existing backup is outdated: the Flask application has written to the document since.
            backup
                .delete_many(doc! { "_id": { "$in": ids(batch) } })
                .session(&mut *session)
                .await?;
            let documents = batch.iter().map(|converted| &converted.document);
            backup.insert_many(documents).session(session).await?;
            Ok(())
        }
        .boxed()
    })
    .await
}

async fn write_messages(
    lock: &mut HeldLock<'_>,
    batch: &[Converted],
) -> Result<(), MigrationError> {
    let messages = batch.iter().flat_map(|converted| &converted.messages);
    for messages in message_batches(messages) {
        insert(lock, &messages).await?;
    }
    Ok(())
}

async fn insert(
    lock: &mut HeldLock<'_>,
    messages: &[&MessageDocument],
) -> Result<(), MigrationError> {
    lock.transaction(messages, |Transaction { database, session }, messages| {
        async move {
            database.messages().insert_many(messages.iter().copied()).session(session).await?;
            Ok(())
        }
        .boxed()
    })
    .await
}

/// Deletes up to `MAX_DOCUMENTS` migrated messages. Returns `false` when there are no more.
async fn delete_some_messages(
    transaction: Transaction<'_>,
    conversations: &[String],
) -> MongoResult<bool> {
    let Transaction { database, session } = transaction;
    let messages = database.raw().collection::<MessageKey>(MESSAGES);
    let mut cursor = messages
        .find(doc! { "conversation_id": { "$in": conversations } })
        .projection(MessageKey::projection())
        .limit(i64::from(MAX_DOCUMENTS))
        .session(&mut *session)
        .await?;
    let keys: Vec<MessageKey> = cursor.stream(&mut *session).try_collect().await?;
    let migrated = keys.iter().filter(|key| key.is_migrated());
    let ids: Vec<String> = migrated.map(|key| key.message_id.to_string()).collect();
    if ids.is_empty() {
        return Ok(false);
    }
    messages.delete_many(doc! { "message_id": { "$in": ids } }).session(session).await?;
    Ok(true)
}

/// Converts the documents that have not changed and whose messages were written correctly.
async fn convert_documents(
    mut transaction: Transaction<'_>,
    batch: &[Converted],
) -> MongoResult<Vec<Option<SkipReason>>> {
    let written = read_messages(&mut transaction, batch).await?;
    let present = read_documents(&mut transaction, batch).await?;
    let mut reasons = Vec::with_capacity(batch.len());
    let mut updates = Vec::with_capacity(batch.len());
    for converted in batch {
        let id = converted.conversation.conversation_id;
        let fingerprint = written.get(&id).cloned().unwrap_or_default();
        reasons.push(if !present.contains(converted.document.as_bytes()) {
            Some(SkipReason::ChangedDuringMigration)
        } else if !fingerprint.matches(&converted.fingerprint) {
            Some(SkipReason::VerificationFailed)
        } else {
            updates.push(update(converted)?);
            None
        });
    }
    run_updates(transaction, updates).await?;
    Ok(reasons)
}

fn update(converted: &Converted) -> MongoResult<Document> {
    // A conversation has the field `archived` only if it is archived; the legacy document may have one with any value.
    let change = doc! {
        "$set": serialize_to_document(&converted.conversation)?,
        "$unset": { "archived": "", "conversation_history": "", "conversation_text": "" },
    };
    Ok(doc! { "q": { "_id": &converted.id }, "u": change })
}

#[derive(Deserialize)]
struct UpdateResponse {
    #[serde(rename = "writeErrors", default)]
    errors: Vec<WriteError>,
}

/// Runs all updates as one command. The driver would send a command for each, which takes twice as long.
async fn run_updates(transaction: Transaction<'_>, updates: Vec<Document>) -> MongoResult<()> {
    if updates.is_empty() {
        return Ok(());
    }
    let Transaction { database, session } = transaction;
    let command = doc! { "update": CONVERSATIONS, "updates": updates };
    let response = database.raw().run_command(command).session(session).await?;
    let response: UpdateResponse = deserialize_from_document(response)?;
    match response.errors.into_iter().next() {
        Some(error) => Err(ErrorKind::Write(WriteFailure::WriteError(error)).into()),
        None => Ok(()),
    }
}

#[serde_as]
#[derive(Deserialize)]
struct WrittenMessage {
    #[serde_as(as = "DisplayFromStr")]
    conversation_id: ConversationId,
    #[serde_as(as = "TryFromInto<i64>")]
    position: u64,
    role: Role,
    content: String,
}

async fn read_messages(
    Transaction { database, session }: &mut Transaction<'_>,
    batch: &[Converted],
) -> MongoResult<HashMap<ConversationId, Fingerprint>> {
    let conversations: Vec<String> =
        batch.iter().map(|converted| converted.conversation.conversation_id.to_string()).collect();
    let mut cursor = database
        .raw()
        .collection::<WrittenMessage>(MESSAGES)
        .find(doc! { "conversation_id": { "$in": conversations } })
        .sort(doc! { "conversation_id": 1, "position": 1 })
        .session(&mut **session)
        .await?;
    let mut written: HashMap<_, Fingerprint> = HashMap::new();
    while let Some(message) = cursor.next(session).await.transpose()? {
        let fingerprint = written.entry(message.conversation_id).or_default();
        fingerprint.add(message.position, message.role, &message.content);
    }
    Ok(written)
}

async fn read_documents(
    Transaction { database, session }: &mut Transaction<'_>,
    batch: &[Converted],
) -> MongoResult<HashSet<Vec<u8>>> {
    let mut cursor = database
        .raw()
        .collection::<RawDocumentBuf>(CONVERSATIONS)
        .find(doc! { "_id": { "$in": ids(batch) } })
        .session(&mut **session)
        .await?;
    cursor.stream(session).map_ok(RawDocumentBuf::into_bytes).try_collect().await
}

fn ids(batch: &[Converted]) -> Vec<&Bson> {
    batch.iter().map(|converted| &converted.id).collect()
}
