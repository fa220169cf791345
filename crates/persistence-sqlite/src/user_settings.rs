//! Implements [`UserSettingsStore`].

use async_trait::async_trait;
use rusqlite::{OptionalExtension, Transaction, params};
use webchat_domain::{Timestamp, UserId, UserSettings};
use webchat_persistence::{StoreError, StoredUserSettings, UserSettingsStore, rules};

use crate::SqliteStore;
use crate::erasures::is_erased;
use crate::rows::{self, Columns};

#[async_trait]
impl UserSettingsStore for SqliteStore {
    async fn user_settings(&self, user_id: UserId) -> Result<StoredUserSettings, StoreError> {
        self.database.read(move |transaction| find(transaction, user_id)).await
    }

    async fn replace_user_settings(
        &self,
        user_id: UserId,
        settings: UserSettings,
        expected_revision: u64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.database
            .write(move |transaction| {
                if find(transaction, user_id)?.revision != expected_revision
                    || is_erased(transaction, user_id)?
                {
                    return Ok(false);
                }
                let revision = rules::next_revision(expected_revision);
                let settings = serde_json::to_string(&settings).map_err(rows::invalid)?;
                transaction
                    .prepare_cached(
                        "INSERT INTO users (user_id, active_at, settings, settings_revision)
                         VALUES (?1, ?2, ?3, ?4)
                         ON CONFLICT DO UPDATE SET settings = ?3, settings_revision = ?4",
                    )?
                    .execute(params![user_id.to_simple(), now.unix_millis(), settings, revision])?;
                Ok(true)
            })
            .await
    }

    async fn user_settings_after(
        &self,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<(UserId, UserSettings)>, StoreError> {
        let after = after.map(UserId::to_simple).unwrap_or_default();
        self.database
            .read(move |transaction| {
                transaction
                    .prepare_cached(
                        "SELECT user_id, settings FROM users
                         WHERE user_id > ?1 AND settings IS NOT NULL ORDER BY user_id LIMIT ?2",
                    )?
                    .query_map(params![after, limit], rows::read(settings_of_user))?
                    .collect()
            })
            .await
    }
}

fn find(transaction: &Transaction<'_>, user_id: UserId) -> rusqlite::Result<StoredUserSettings> {
    let found = transaction
        .prepare_cached(
            "SELECT settings_revision, settings FROM users
             WHERE user_id = ?1 AND settings IS NOT NULL",
        )?
        .query_row([user_id.to_simple()], rows::read(stored_settings))
        .optional()?;
    Ok(found.unwrap_or_default())
}

fn stored_settings(columns: &mut Columns<'_>) -> rusqlite::Result<StoredUserSettings> {
    Ok(StoredUserSettings { revision: columns.value()?, settings: settings(columns)? })
}

fn settings_of_user(columns: &mut Columns<'_>) -> rusqlite::Result<(UserId, UserSettings)> {
    Ok((columns.parsed()?, settings(columns)?))
}

fn settings(columns: &mut Columns<'_>) -> rusqlite::Result<UserSettings> {
    serde_json::from_str(columns.text()?).map_err(rows::invalid)
}
