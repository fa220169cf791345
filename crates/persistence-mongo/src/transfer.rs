use std::collections::BTreeSet;

use async_trait::async_trait;
use futures_util::FutureExt;
use mongodb::bson::{DateTime, Document, doc, serialize_to_document};
use mongodb::error::Result as MongoResult;
use webchat_domain::{ConversationId, JobId, UserId};
use webchat_persistence::{
    StoreError, StoredConversation, StoredFileJob, StoredMessage, Totals, Transfer,
};

use crate::database::Transaction;
use crate::documents::{CONVERSATION_SCHEMA, ConversationDocument, MessageDocument, long};
use crate::queries::{anyones, at_most, find_conversation};
use crate::{MongoStore, file_jobs, removals};

#[async_trait]
impl Transfer for MongoStore {
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

    async fn messages_after(
        &self,
        id: ConversationId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        removals::finish(&self.database).await?;
        let filter = doc! { "conversation_id": id.to_string(), "position": { "$gt": long(after) } };
        let messages = self.database.messages();
        let find = messages.find(filter).sort(doc! { "position": 1 });
        let found = self.database.answer(at_most(limit, find)).await?;
        Ok(found.into_iter().map(StoredMessage::from).collect())
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
