//! Implements [`ConversationTransfer`].

use async_trait::async_trait;
use futures_util::FutureExt;
use mongodb::bson::doc;
use webchat_domain::{ConversationId, JobId, UserId};
use webchat_persistence::{
    ConversationTransfer, Cursor, StoreError, StoredConversation, StoredFileJob, StoredMessage,
    Totals,
};

use super::{insert, put, stored_bytes};
use crate::database::{LONG_READ_TIME, READ_TIME};
use crate::deletion::removals;
use crate::documents::{
    CONVERSATION_SCHEMA_VERSION, ConversationDocument, MessageDocument, date, long,
};
use crate::files;
use crate::queries::{at_most, by_id, by_owner, find_by_owner, page_of};
use crate::store::MongoStore;

#[async_trait]
impl ConversationTransfer for MongoStore {
    async fn totals(&self) -> Result<Totals, StoreError> {
        removals::delete_all_pending(&self.database).await?;
        let current = doc! { "schema": CONVERSATION_SCHEMA_VERSION };
        let conversations = self.database.conversations();
        let messages = self.database.messages();
        Ok(Totals {
            conversations: self
                .database
                .run(conversations.count_documents(current).max_time(LONG_READ_TIME))
                .await?,
            messages: self
                .database
                .run(messages.count_documents(doc! {}).max_time(LONG_READ_TIME))
                .await?,
        })
    }

    async fn stored_bytes_of(&self, user_id: UserId) -> Result<u64, StoreError> {
        stored_bytes::of_user(&self.database, user_id).await
    }

    async fn stored_bytes(&self) -> Result<u64, StoreError> {
        stored_bytes::of_all(&self.database).await
    }

    async fn conversations_after(
        &self,
        after: Option<ConversationId>,
        limit: u32,
    ) -> Result<Vec<StoredConversation>, StoreError> {
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        let filter =
            doc! { "conversation_id": { "$gt": after }, "schema": CONVERSATION_SCHEMA_VERSION };
        let conversations = self.database.conversations();
        let find = conversations.find(filter).sort(doc! { "conversation_id": 1 });
        let found = self.database.run(at_most(limit, find)).await?;
        Ok(found.into_iter().map(StoredConversation::from).collect())
    }

    async fn conversations_of(
        &self,
        user_id: UserId,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Vec<StoredConversation>, StoreError> {
        let _permit = self.long_reads.acquire(Some(user_id)).await?;
        let mut filter =
            doc! { "user_id": user_id.to_string(), "schema": CONVERSATION_SCHEMA_VERSION };
        if let Some(Cursor { at, id }) = after {
            filter.insert("created_at", doc! { "$gte": date(at) });
            let later = doc! { "created_at": { "$gt": date(at) } };
            let same_time = doc! { "conversation_id": { "$gt": id.to_string() } };
            filter.insert("$or", [later, same_time]);
        }
        let conversations = self.database.conversations();
        let find = conversations.find(filter).sort(doc! { "created_at": 1, "conversation_id": 1 });
        let found = self.database.run(at_most(limit, find)).await?;
        Ok(found.into_iter().map(StoredConversation::from).collect())
    }

    async fn conversation_of(
        &self,
        user_id: UserId,
        id: ConversationId,
    ) -> Result<Option<StoredConversation>, StoreError> {
        let conversations = self.database.conversations();
        let found = self
            .database
            .run(conversations.find_one(by_owner(user_id, id)).max_time(READ_TIME))
            .await?;
        Ok(found.map(StoredConversation::from))
    }

    async fn messages_of(
        &self,
        user_id: UserId,
        id: ConversationId,
        after: u64,
        limit: u32,
    ) -> Result<Option<Vec<StoredMessage>>, StoreError> {
        let _permit = self.long_reads.acquire(Some(user_id)).await?;
        let Some(conversation) = find_by_owner(&self.database, user_id, id).await? else {
            return Ok(None);
        };
        // Messages that a reset removed may not be deleted yet.
        let after = after.max(conversation.reset_through);
        let filter = doc! { "conversation_id": id.to_string(), "position": { "$gt": long(after) } };
        let messages = self.database.messages();
        let find = messages.find(filter).sort(doc! { "position": 1 });
        let found = self.database.run(page_of(limit, find)).await?;
        Ok(Some(found.into_iter().map(StoredMessage::from).collect()))
    }

    async fn insert_with_messages(
        &self,
        conversation: StoredConversation,
        messages: Vec<StoredMessage>,
    ) -> Result<bool, StoreError> {
        insert::insert_with_messages(&self.database, conversation, messages).await
    }

    async fn add_messages(
        &self,
        user_id: UserId,
        id: ConversationId,
        messages: Vec<StoredMessage>,
    ) -> Result<u64, StoreError> {
        insert::add_messages(&self.database, user_id, id, messages).await
    }

    async fn put_conversation(&self, stored: StoredConversation) -> Result<(), StoreError> {
        removals::delete_all_pending(&self.database).await?;
        let filter = by_id(stored.conversation.conversation_id);
        let upsert = put::upsert(&ConversationDocument::new(stored)).map_err(StoreError::fault)?;
        let conversations = self.database.conversations();
        self.database.run(conversations.update_one(filter, upsert).upsert(true)).await?;
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
            messages.into_iter().map(|message| MessageDocument::new(user_id, message)).collect();
        let stored = self
            .database
            .transaction(documents, |transaction, documents| {
                put::put_messages(transaction, documents).boxed()
            })
            .await?;
        if stored {
            Ok(())
        } else {
            Err(StoreError::fault("the messages' conversation does not exist"))
        }
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
        for job in self.database.run(at_most(limit, find)).await? {
            let read = self
                .database
                .transaction(job, |transaction, job| files::read(transaction, job).boxed());
            stored.push(read.await?);
        }
        Ok(stored)
    }

    async fn put_file_job(&self, job: StoredFileJob) -> Result<(), StoreError> {
        self.database
            .transaction(job, |transaction, job| files::put(transaction, job).boxed())
            .await
    }
}
