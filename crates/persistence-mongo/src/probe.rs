//! The readiness probe of the store.

use async_trait::async_trait;
use mongodb::bson::{Document, doc};
use webchat_persistence::{Probe, StoreError};

use crate::schema::{META, READINESS_ID};
use crate::store::MongoStore;

#[async_trait]
impl Probe for MongoStore {
    fn name(&self) -> &'static str {
        "MongoDB"
    }

    async fn check(&self) -> Result<(), StoreError> {
        // Write, because a full disk can still be read.
        let meta = self.database.raw().collection::<Document>(META);
        let checked = doc! { "$currentDate": { "checked_at": true } };
        let write = meta.update_one(doc! { "_id": READINESS_ID }, checked).upsert(true);
        self.database.run(write).await?;
        Ok(())
    }
}
