//! Implements [`ApiKeys`].

use async_trait::async_trait;
use futures_util::TryStreamExt;
use mongodb::bson::{Document, doc};
use webchat_domain::{ApiKey, ApiKeyHash, ApiKeyId, Timestamp, UserId};
use webchat_persistence::{ApiKeys, StoreError};

use crate::database::READ_TIME;
use crate::documents::{ApiKeyDocument, date};
use crate::error::is_duplicate_key;
use crate::store::MongoStore;

#[async_trait]
impl ApiKeys for MongoStore {
    async fn create(&self, key: ApiKey) -> Result<(), StoreError> {
        let keys = self.database.api_keys();
        let insert = async move {
            match keys.insert_one(ApiKeyDocument::from(key)).await {
                Err(error) if !is_duplicate_key(&error) => Err(error),
                _ => Ok(()),
            }
        };
        self.database.run(insert).await
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

    async fn delete(&self, user_id: UserId, key_id: ApiKeyId) -> Result<bool, StoreError> {
        let mut key = by_id(key_id);
        key.insert("user_id", user_id.to_string());
        let deleted = self.database.run(self.database.api_keys().delete_one(key)).await?;
        Ok(deleted.deleted_count > 0)
    }

    async fn record_use(&self, key_id: ApiKeyId, now: Timestamp) -> Result<(), StoreError> {
        let update = doc! { "$set": { "last_used_at": date(now) } };
        let keys = self.database.api_keys();
        self.database.run(keys.update_one(by_id(key_id), update)).await?;
        Ok(())
    }
}

fn by_id(key_id: ApiKeyId) -> Document {
    doc! { "key_id": key_id.to_string() }
}
