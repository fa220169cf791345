//! Implements [`ApiKeys`].

use async_trait::async_trait;
use futures_util::{FutureExt, TryStreamExt};
use mongodb::bson::{Document, doc};
use mongodb::error::Result as MongoResult;
use webchat_domain::{ApiKey, ApiKeyHash, ApiKeyId, NewAuditEntry, Timestamp, UserId};
use webchat_persistence::{ApiKeys, StoreError};

use crate::database::{READ_TIME, Transaction};
use crate::documents::{ApiKeyDocument, date};
use crate::store::MongoStore;

#[async_trait]
impl ApiKeys for MongoStore {
    async fn create(&self, key: ApiKey, audit: Option<NewAuditEntry>) -> Result<(), StoreError> {
        self.transaction_audited(audit, key, |transaction, key| create_in(transaction, key).boxed())
            .await
    }

    async fn find_by_hash(&self, hash: ApiKeyHash) -> Result<Option<ApiKey>, StoreError> {
        let keys = self.database.api_keys();
        let find = keys.find_one(doc! { "hash": hash.to_string() }).max_time(READ_TIME);
        Ok(self.database.run(find).await?.map(ApiKey::from))
    }

    async fn list(&self, user_id: UserId) -> Result<Vec<ApiKey>, StoreError> {
        let keys = self.database.api_keys();
        let find = async {
            let newest_first =
                keys.find(doc! { "user_id": user_id.to_string() }).sort(doc! { "key_id": -1 });
            newest_first.max_time(READ_TIME).await?.map_ok(ApiKey::from).try_collect().await
        };
        self.database.run(find).await
    }

    async fn delete(
        &self,
        user_id: UserId,
        key_id: ApiKeyId,
        audit: Option<NewAuditEntry>,
    ) -> Result<bool, StoreError> {
        let mut key = by_id(key_id);
        key.insert("user_id", user_id.to_string());
        self.transaction_audited(audit, key, |transaction, key| {
            delete_in(transaction, key.clone()).boxed()
        })
        .await
    }

    async fn record_use(&self, key_id: ApiKeyId, now: Timestamp) -> Result<(), StoreError> {
        let update = doc! { "$set": { "last_used_at": date(now) } };
        let keys = self.database.api_keys();
        self.database.run(keys.update_one(by_id(key_id), update)).await?;
        Ok(())
    }
}

async fn create_in(
    Transaction { database, session }: Transaction<'_>,
    key: &ApiKey,
) -> MongoResult<((), bool)> {
    let keys = database.api_keys();
    if keys.find_one(by_id(key.key_id)).session(&mut *session).await?.is_some() {
        return Ok(((), false));
    }
    keys.insert_one(ApiKeyDocument::from(key.clone())).session(session).await?;
    Ok(((), true))
}

async fn delete_in(
    Transaction { database, session }: Transaction<'_>,
    key: Document,
) -> MongoResult<(bool, bool)> {
    let deleted = database.api_keys().delete_one(key).session(session).await?;
    Ok((deleted.deleted_count > 0, deleted.deleted_count > 0))
}

fn by_id(key_id: ApiKeyId) -> Document {
    doc! { "key_id": key_id.to_string() }
}
