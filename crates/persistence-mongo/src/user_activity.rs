//! Implements [`UserActivity`].

use async_trait::async_trait;
use futures_util::TryStreamExt;
use mongodb::bson::{Document, doc};
use webchat_domain::{Timestamp, UserId};
use webchat_persistence::{StoreError, UserActivity};

use crate::database::{LONG_READ_TIME, READ_TIME};
use crate::documents::{current_schema_filter, date};
use crate::schema::USERS;
use crate::store::MongoStore;

#[async_trait]
impl UserActivity for MongoStore {
    async fn record_activity(
        &self,
        user_id: UserId,
        now: Timestamp,
        skip_if_active_after: Timestamp,
    ) -> Result<(), StoreError> {
        let (users, id) = (self.database.users(), doc! { "user_id": user_id.to_string() });
        let found = self.database.run(users.find_one(id.clone()).max_time(READ_TIME)).await?;
        if found.is_some_and(|user| user.active_at > skip_if_active_after) {
            return Ok(());
        }
        let record = users.update_one(id, doc! { "$max": { "active_at": date(now) } }).upsert(true);
        self.database.run(record).await?;
        Ok(())
    }

    async fn add_missing_records(&self, now: Timestamp) -> Result<(), StoreError> {
        let insert_missing = [
            // Excludes conversations of the Flask application that are not migrated yet.
            doc! { "$match": current_schema_filter() },
            doc! { "$group": { "_id": "$user_id" } },
            doc! { "$project": { "_id": 0, "user_id": "$_id", "active_at": date(now) } },
            doc! { "$merge": {
                "into": USERS,
                "on": "user_id",
                "whenMatched": "keepExisting",
                "whenNotMatched": "insert",
            } },
        ];
        let conversations = self.database.conversations();
        let aggregate = conversations.aggregate(insert_missing).max_time(LONG_READ_TIME);
        self.database.run(aggregate).await?;
        Ok(())
    }

    async fn list_inactive(&self, before: Timestamp, max: u32) -> Result<Vec<UserId>, StoreError> {
        let users = self.database.users();
        let find = async {
            let least_recent = users
                .find(inactive_before(before))
                .sort(doc! { "active_at": 1 })
                .limit(max.into())
                .max_time(READ_TIME);
            least_recent.await?.map_ok(|user| user.user_id).try_collect().await
        };
        self.database.run(find).await
    }

    async fn delete_record_if_inactive(
        &self,
        user_id: UserId,
        before: Timestamp,
    ) -> Result<(), StoreError> {
        let mut user = inactive_before(before);
        user.insert("user_id", user_id.to_string());
        self.database.run(self.database.users().delete_one(user)).await?;
        Ok(())
    }
}

fn inactive_before(before: Timestamp) -> Document {
    doc! { "active_at": { "$lt": date(before) } }
}
