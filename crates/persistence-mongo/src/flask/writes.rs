//! Writing what is carried over. Nobody sees any of it before the last step, which is done as a whole.

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

use super::carried::{Carried, Fingerprint};
use super::lock::HeldLock;
use super::report::{FlaskError, Reason};
use super::sift::MessageKey;
use crate::database::Transaction;
use crate::definitions::{CONVERSATIONS, MESSAGES};
use crate::documents::MessageDocument;
use crate::error::code;

/// The documents that were carried over, as they had been.
pub(super) const BACKUP: &str = "conversations_flask_backup";

/// How many messages one transaction writes or deletes, and how long their texts may be together, in
/// bytes.
const MESSAGES_AT_ONCE: usize = 500;
const BYTES_AT_ONCE: usize = 1024 * 1024;

/// Carries the documents over. Answers for each why that could not be done, or `None`.
pub(super) async fn carry_over(
    lock: &mut HeldLock<'_>,
    batch: &[Carried],
) -> Result<Vec<Option<Reason>>, FlaskError> {
    let reasons = match attempt(lock, batch).await {
        Err(FlaskError::Store(StoreError::Fault(_))) => one_by_one(lock, batch).await?,
        result => result?,
    };
    let left_behind = batch.iter().zip(&reasons).filter(|(_, reason)| reason.is_some());
    let left_behind: Vec<&Carried> = left_behind.map(|(carried, _)| carried).collect();
    if !left_behind.is_empty() {
        delete_messages(lock, left_behind.iter().copied()).await?;
        delete_backups(lock, &left_behind).await?;
    }
    Ok(reasons)
}

/// Finds out which one the server refuses, so that the others need not be left behind with it.
async fn one_by_one(
    lock: &mut HeldLock<'_>,
    batch: &[Carried],
) -> Result<Vec<Option<Reason>>, FlaskError> {
    let mut reasons = Vec::with_capacity(batch.len());
    for carried in batch {
        match attempt(lock, slice::from_ref(carried)).await {
            Err(FlaskError::Store(StoreError::Fault(cause))) => {
                let cause = cause.downcast_ref::<ErrorKind>().and_then(code);
                reasons.push(Some(Reason::Refused(cause.unwrap_or_default())));
            }
            result => reasons.extend(result?),
        }
    }
    Ok(reasons)
}

async fn attempt(
    lock: &mut HeldLock<'_>,
    batch: &[Carried],
) -> Result<Vec<Option<Reason>>, FlaskError> {
    delete_messages(lock, batch).await?;
    back_up(lock, batch).await?;
    write_messages(lock, batch).await?;
    lock.transaction(batch, |transaction, batch| show(transaction, batch).boxed()).await
}

/// Deletes what an earlier migration has left of these conversations' messages.
async fn delete_messages(
    lock: &mut HeldLock<'_>,
    of: impl IntoIterator<Item = &Carried>,
) -> Result<(), FlaskError> {
    let ids: Vec<String> =
        of.into_iter().map(|carried| carried.conversation.conversation_id.to_string()).collect();
    while lock.transaction(&ids, |transaction, ids| delete_some(transaction, ids).boxed()).await? {}
    Ok(())
}

/// A backup that is older than its document would undo what was written since.
async fn delete_backups(lock: &mut HeldLock<'_>, of: &[&Carried]) -> Result<(), FlaskError> {
    let ids: Vec<&Bson> = of.iter().map(|carried| &carried.id).collect();
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

async fn back_up(lock: &mut HeldLock<'_>, batch: &[Carried]) -> Result<(), FlaskError> {
    lock.transaction(batch, |Transaction { database, session }, batch| {
        async move {
            let backup = database.raw().collection::<RawDocumentBuf>(BACKUP);
            // One that is there is older: the Flask application has written to the document since.
            backup
                .delete_many(doc! { "_id": { "$in": ids(batch) } })
                .session(&mut *session)
                .await?;
            let documents = batch.iter().map(|carried| &carried.document);
            backup.insert_many(documents).session(session).await?;
            Ok(())
        }
        .boxed()
    })
    .await
}

async fn write_messages(lock: &mut HeldLock<'_>, batch: &[Carried]) -> Result<(), FlaskError> {
    let mut chunk = Vec::new();
    let mut bytes = 0;
    for message in batch.iter().flat_map(|carried| &carried.messages) {
        bytes += message.content.len();
        if chunk.len() == MESSAGES_AT_ONCE || !chunk.is_empty() && bytes > BYTES_AT_ONCE {
            insert(lock, &chunk).await?;
            chunk.clear();
            bytes = message.content.len();
        }
        chunk.push(message);
    }
    if chunk.is_empty() { Ok(()) } else { insert(lock, &chunk).await }
}

async fn insert(lock: &mut HeldLock<'_>, messages: &[&MessageDocument]) -> Result<(), FlaskError> {
    lock.transaction(messages, |Transaction { database, session }, messages| {
        async move {
            database.messages().insert_many(messages.iter().copied()).session(session).await?;
            Ok(())
        }
        .boxed()
    })
    .await
}

/// `false`: there are no more.
async fn delete_some(transaction: Transaction<'_>, conversations: &[String]) -> MongoResult<bool> {
    let Transaction { database, session } = transaction;
    let messages = database.raw().collection::<MessageKey>(MESSAGES);
    let mut found = messages
        .find(doc! { "conversation_id": { "$in": conversations } })
        .projection(MessageKey::projection())
        .limit(i64::try_from(MESSAGES_AT_ONCE).unwrap_or(i64::MAX))
        .session(&mut *session)
        .await?;
    let found: Vec<MessageKey> = found.stream(&mut *session).try_collect().await?;
    let migrated = found.iter().filter(|key| key.is_migrated());
    let ids: Vec<String> = migrated.map(|key| key.message_id.to_string()).collect();
    if ids.is_empty() {
        return Ok(false);
    }
    messages.delete_many(doc! { "message_id": { "$in": ids } }).session(session).await?;
    Ok(true)
}

/// Gives the documents their new form, if they are still what they were and their messages are there.
async fn show(
    mut transaction: Transaction<'_>,
    batch: &[Carried],
) -> MongoResult<Vec<Option<Reason>>> {
    let written = read_messages(&mut transaction, batch).await?;
    let present = read_documents(&mut transaction, batch).await?;
    let mut reasons = Vec::with_capacity(batch.len());
    let mut updates = Vec::with_capacity(batch.len());
    for carried in batch {
        let id = carried.conversation.conversation_id;
        let found = written.get(&id).cloned().unwrap_or_default();
        reasons.push(if !present.contains(carried.document.as_bytes()) {
            Some(Reason::ChangedMeanwhile)
        } else if !found.is_of_the_same(&carried.fingerprint) {
            Some(Reason::NotVerified)
        } else {
            updates.push(update(carried)?);
            None
        });
    }
    run(transaction, updates).await?;
    Ok(reasons)
}

fn update(carried: &Carried) -> MongoResult<Document> {
    let new_form = doc! {
        "$set": serialize_to_document(&carried.conversation)?,
        "$unset": { "conversation_history": "", "conversation_text": "" },
    };
    Ok(doc! { "q": { "_id": &carried.id }, "u": new_form })
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "writeErrors", default)]
    errors: Vec<WriteError>,
}

/// As one command: the driver would send one for each, which takes twice as long.
async fn run(transaction: Transaction<'_>, updates: Vec<Document>) -> MongoResult<()> {
    if updates.is_empty() {
        return Ok(());
    }
    let Transaction { database, session } = transaction;
    let command = doc! { "update": CONVERSATIONS, "updates": updates };
    let answer = database.raw().run_command(command).session(session).await?;
    let answer: Answer = deserialize_from_document(answer)?;
    match answer.errors.into_iter().next() {
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
    batch: &[Carried],
) -> MongoResult<HashMap<ConversationId, Fingerprint>> {
    let conversations: Vec<String> =
        batch.iter().map(|carried| carried.conversation.conversation_id.to_string()).collect();
    let mut found = database
        .raw()
        .collection::<WrittenMessage>(MESSAGES)
        .find(doc! { "conversation_id": { "$in": conversations } })
        .sort(doc! { "conversation_id": 1, "position": 1 })
        .session(&mut **session)
        .await?;
    let mut written: HashMap<_, Fingerprint> = HashMap::new();
    while let Some(message) = found.next(session).await.transpose()? {
        let fingerprint = written.entry(message.conversation_id).or_default();
        fingerprint.add(message.position, message.role, &message.content);
    }
    Ok(written)
}

async fn read_documents(
    Transaction { database, session }: &mut Transaction<'_>,
    batch: &[Carried],
) -> MongoResult<HashSet<Vec<u8>>> {
    let mut found = database
        .raw()
        .collection::<RawDocumentBuf>(CONVERSATIONS)
        .find(doc! { "_id": { "$in": ids(batch) } })
        .session(&mut **session)
        .await?;
    found.stream(session).map_ok(RawDocumentBuf::into_bytes).try_collect().await
}

fn ids(batch: &[Carried]) -> Vec<&Bson> {
    batch.iter().map(|carried| &carried.id).collect()
}
