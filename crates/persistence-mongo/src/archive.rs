use std::collections::BTreeSet;
use std::mem;

use async_trait::async_trait;
use futures_util::FutureExt;
use mongodb::bson::{Bson, DateTime, Document, doc, serialize_to_document};
use mongodb::error::Result as MongoResult;
use webchat_domain::{ConversationId, JobId, UserId};
use webchat_persistence::{
    ConversationArchive, Cursor, StoreError, StoredConversation, StoredFileJob, StoredMessage,
    Totals,
};

use crate::database::Transaction;
use crate::documents::{CONVERSATION_SCHEMA, ConversationDocument, MessageDocument, date, long};
use crate::queries::{anyones, at_most, find_conversation, owned};
use crate::{MongoStore, file_jobs, removals};

/// How many messages one transaction writes, and how long their texts may be together, in bytes.
const MESSAGES_AT_ONCE: usize = 500;
const BYTES_AT_ONCE: usize = 1024 * 1024;

#[async_trait]
impl ConversationArchive for MongoStore {
    async fn totals(&self) -> Result<Totals, StoreError> {
        removals::finish(&self.database).await?;
        let ours = doc! { "schema": CONVERSATION_SCHEMA };
        let conversations = self.database.conversations();
        let messages = self.database.messages();
        Ok(Totals {
            conversations: self.database.answer(conversations.count_documents(ours)).await?,
            messages: self.database.answer(messages.count_documents(doc! {})).await?,
        })
    }

    async fn conversations_after(
        &self,
        after: Option<ConversationId>,
        limit: u32,
    ) -> Result<Vec<StoredConversation>, StoreError> {
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        let filter = doc! { "conversation_id": { "$gt": after }, "schema": CONVERSATION_SCHEMA };
        let conversations = self.database.conversations();
        let find = conversations.find(filter).sort(doc! { "conversation_id": 1 });
        let found = self.database.answer(at_most(limit, find)).await?;
        Ok(found.into_iter().map(StoredConversation::from).collect())
    }

    async fn conversations_of(
        &self,
        user_id: UserId,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Vec<StoredConversation>, StoreError> {
        let mut filter = doc! { "user_id": user_id.to_string(), "schema": CONVERSATION_SCHEMA };
        if let Some(Cursor { at, id }) = after {
            filter.insert("created_at", doc! { "$gte": date(at) });
            let later = doc! { "created_at": { "$gt": date(at) } };
            let same_moment = doc! { "conversation_id": { "$gt": id.to_string() } };
            filter.insert("$or", [later, same_moment]);
        }
        let conversations = self.database.conversations();
        let find = conversations.find(filter).sort(doc! { "created_at": 1, "conversation_id": 1 });
        let found = self.database.answer(at_most(limit, find)).await?;
        Ok(found.into_iter().map(StoredConversation::from).collect())
    }

    async fn conversation_of(
        &self,
        user_id: UserId,
        id: ConversationId,
    ) -> Result<Option<StoredConversation>, StoreError> {
        let conversations = self.database.conversations();
        let found = self.database.answer(conversations.find_one(owned(user_id, id))).await?;
        Ok(found.map(StoredConversation::from))
    }

    async fn messages_of(
        &self,
        user_id: UserId,
        id: ConversationId,
        after: u64,
        limit: u32,
    ) -> Result<Option<Vec<StoredMessage>>, StoreError> {
        let conversations = self.database.conversations();
        let conversation = self.database.answer(conversations.find_one(owned(user_id, id))).await?;
        let Some(conversation) = conversation else {
            return Ok(None);
        };
        // What a reset took away may still lie there.
        let after = after.max(conversation.emptied_through);
        let filter = doc! { "conversation_id": id.to_string(), "position": { "$gt": long(after) } };
        let messages = self.database.messages();
        let find = messages.find(filter).sort(doc! { "position": 1 });
        let found = self.database.answer(at_most(limit, find)).await?;
        Ok(Some(found.into_iter().map(StoredMessage::from).collect()))
    }

    /// The conversation comes last, with the last of its messages: until then nobody sees the others,
    /// and what a crash left of them is taken away by the next try.
    async fn insert_with_messages(
        &self,
        conversation: StoredConversation,
        messages: Vec<StoredMessage>,
    ) -> Result<bool, StoreError> {
        removals::finish(&self.database).await?;
        let user_id = conversation.user_id;
        let conversation = ConversationDocument::new(conversation);
        let id = conversation.conversation_id;
        while self.database.transaction(id, |t, id| clear(t, *id).boxed()).await? {}
        let mut written = 0;
        let mut batch = Vec::new();
        let mut bytes = 0;
        for message in messages {
            bytes += message.message.content.len();
            if batch.len() == MESSAGES_AT_ONCE || (!batch.is_empty() && bytes > BYTES_AT_ONCE) {
                bytes = message.message.content.len();
                written += long_len(&batch);
                let add = (id, mem::take(&mut batch));
                if !self.database.transaction(add, |t, add| add_messages(t, add).boxed()).await? {
                    return Ok(false);
                }
            }
            batch.push(MessageDocument::new(user_id, message));
        }
        let rest = Rest { conversation, written, messages: batch };
        let added = self.database.transaction(rest, |t, rest| add_rest(t, rest).boxed()).await?;
        match added {
            Added::Now => Ok(true),
            Added::Before => Ok(false),
            Added::Disturbed => {
                Err(StoreError::unavailable("the same conversation is being added elsewhere"))
            }
        }
    }

    async fn put_conversation(&self, stored: StoredConversation) -> Result<(), StoreError> {
        removals::finish(&self.database).await?;
        let place = anyones(stored.conversation.conversation_id);
        let put = put(&ConversationDocument::new(stored)).map_err(StoreError::fault)?;
        let conversations = self.database.conversations();
        self.database.answer(conversations.update_one(place, put).upsert(true)).await?;
        Ok(())
    }

    async fn put_messages(
        &self,
        user_id: UserId,
        messages: Vec<StoredMessage>,
    ) -> Result<(), StoreError> {
        if messages.is_empty() {
            return Ok(());
        }
        let documents: Vec<_> =
            messages.into_iter().map(|one| MessageDocument::new(user_id, one)).collect();
        let put = self
            .database
            .transaction(documents, |transaction, documents| {
                put_messages(transaction, documents).boxed()
            })
            .await?;
        if put { Ok(()) } else { Err(StoreError::fault("the messages' conversation is not there")) }
    }

    async fn file_jobs_after(
        &self,
        id: ConversationId,
        after: Option<JobId>,
        limit: u32,
    ) -> Result<Vec<StoredFileJob>, StoreError> {
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        let filter = doc! { "conversation_id": id.to_string(), "job_id": { "$gt": after } };
        let jobs = self.database.file_jobs();
        let find = jobs.find(filter).sort(doc! { "job_id": 1 });
        let mut stored = Vec::new();
        for job in self.database.answer(at_most(limit, find)).await? {
            let read = self
                .database
                .transaction(job, |transaction, job| file_jobs::stored(transaction, job).boxed());
            stored.push(read.await?);
        }
        Ok(stored)
    }

    async fn put_file_job(&self, job: StoredFileJob) -> Result<(), StoreError> {
        self.database
            .transaction(job, |transaction, job| file_jobs::put(transaction, job).boxed())
            .await
    }
}

/// What is written last.
struct Rest {
    conversation: ConversationDocument,
    /// How many messages are there already.
    written: u64,
    messages: Vec<MessageDocument>,
}

enum Added {
    Now,
    Before,
    /// Somebody else has cleared away what was written for it.
    Disturbed,
}

/// Deletes some messages of a conversation that is not there. `false`: there are no more.
async fn clear(mut transaction: Transaction<'_>, id: ConversationId) -> MongoResult<bool> {
    if find_conversation(&mut transaction, anyones(id)).await?.is_some() {
        return Ok(false);
    }
    let Transaction { database, session } = transaction;
    let of_it = doc! { "conversation_id": id.to_string() };
    let messages = database.messages();
    let some = i64::try_from(MESSAGES_AT_ONCE).unwrap_or(i64::MAX);
    let mut found = messages.find(of_it).limit(some).session(&mut *session).await?;
    let mut ids: Vec<Bson> = Vec::new();
    while let Some(message) = found.next(&mut *session).await.transpose()? {
        ids.push(message.message_id.to_string().into());
    }
    if ids.is_empty() {
        return Ok(false);
    }
    messages.delete_many(doc! { "message_id": { "$in": ids } }).session(session).await?;
    Ok(true)
}

/// `false`: the conversation is there already.
async fn add_messages(
    mut transaction: Transaction<'_>,
    (id, added): &(ConversationId, Vec<MessageDocument>),
) -> MongoResult<bool> {
    if find_conversation(&mut transaction, anyones(*id)).await?.is_some() {
        return Ok(false);
    }
    let messages = transaction.database.messages();
    messages.insert_many(added).session(transaction.session).await?;
    Ok(true)
}

async fn add_rest(mut transaction: Transaction<'_>, rest: &Rest) -> MongoResult<Added> {
    let id = rest.conversation.conversation_id;
    if find_conversation(&mut transaction, anyones(id)).await?.is_some() {
        return Ok(Added::Before);
    }
    let Transaction { database, session } = transaction;
    let messages = database.messages();
    let of_it = doc! { "conversation_id": id.to_string() };
    if messages.count_documents(of_it).session(&mut *session).await? != rest.written {
        return Ok(Added::Disturbed);
    }
    if !rest.messages.is_empty() {
        messages.insert_many(&rest.messages).session(&mut *session).await?;
    }
    database.conversations().insert_one(&rest.conversation).session(session).await?;
    Ok(Added::Now)
}

fn long_len(batch: &[MessageDocument]) -> u64 {
    u64::try_from(batch.len()).unwrap_or(u64::MAX)
}

/// What puts the conversation into the place of another one with its id. The turn that runs stays.
fn put(conversation: &ConversationDocument) -> MongoResult<Document> {
    let mut document = serialize_to_document(conversation)?;
    for name in ["running_turn", "lease_until", "compacting_until", "context_revision"] {
        document.remove(name);
    }
    let nothing = Option::<DateTime>::None;
    let mut put = doc! {
        "$set": document,
        "$setOnInsert": {
            "running_turn": nothing, "lease_until": nothing, "compacting_until": nothing,
        },
        "$inc": { "context_revision": 1_i64 },
    };
    if !conversation.archived {
        put.insert("$unset", doc! { "archived": "" });
    }
    Ok(put)
}

async fn put_messages(
    mut transaction: Transaction<'_>,
    messages: &[MessageDocument],
) -> MongoResult<bool> {
    let conversations: BTreeSet<ConversationId> =
        messages.iter().map(|message| message.conversation_id).collect();
    for id in conversations {
        if find_conversation(&mut transaction, anyones(id)).await?.is_none() {
            return Ok(false);
        }
    }
    let ids: Vec<String> = messages.iter().map(|one| one.message_id.to_string()).collect();
    let replaced = doc! { "message_id": { "$in": ids } };
    let collection = transaction.database.messages();
    collection.delete_many(replaced).session(&mut *transaction.session).await?;
    collection.insert_many(messages).session(transaction.session).await?;
    Ok(true)
}
