//! Implements [`UserSettingsStore`].

use async_trait::async_trait;
use mongodb::bson::{doc, serialize_to_document};
use webchat_domain::{Timestamp, UserId, UserSettings};
use webchat_persistence::{Erasures, StoreError, StoredUserSettings, UserSettingsStore, rules};

use crate::database::READ_TIME;
use crate::documents::{UserDocument, UserSettingsDocument, date, long};
use crate::queries::at_most;
use crate::store::MongoStore;

#[async_trait]
impl UserSettingsStore for MongoStore {
    async fn user_settings(&self, user_id: UserId) -> Result<StoredUserSettings, StoreError> {
        let users = self.database.users();
        let find = users.find_one(doc! { "user_id": user_id.to_string() }).max_time(READ_TIME);
        let found = self.database.run(find).await?.and_then(|user| user.settings);
        Ok(found.map(StoredUserSettings::from).unwrap_or_default())
    }

    async fn replace_user_settings(
        &self,
        user_id: UserId,
        settings: UserSettings,
        expected_revision: u64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        if self.is_erased(user_id).await? {
            return Ok(false);
        }
        let (users, id) = (self.database.users(), doc! { "user_id": user_id.to_string() });
        let record = doc! { "$setOnInsert": { "active_at": date(now) } };
        self.database.run(users.update_one(id.clone(), record).upsert(true)).await?;
        let revision = rules::next_revision(expected_revision);
        let settings = serialize_to_document(&UserSettingsDocument::new(settings, revision));
        let mut expected = id;
        // A missing field equals null.
        let revision = (expected_revision > 0).then(|| long(expected_revision));
        expected.insert("settings.revision", revision);
        let replacement = doc! { "$set": { "settings": settings.map_err(StoreError::fault)? } };
        let update = self.database.run(users.update_one(expected, replacement)).await?;
        Ok(update.matched_count > 0)
    }

    async fn user_settings_after(
        &self,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<(UserId, UserSettings)>, StoreError> {
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        let filter = doc! { "user_id": { "$gt": after }, "settings": { "$exists": true } };
        let users = self.database.users();
        let find = users.find(filter).sort(doc! { "user_id": 1 });
        let found = self.database.run(at_most(limit, find)).await?;
        let settings = |user: UserDocument| {
            let stored = StoredUserSettings::from(user.settings?);
            Some((user.user_id, stored.settings))
        };
        Ok(found.into_iter().filter_map(settings).collect())
    }
}
