//! Implements [`UserActivity`].

use async_trait::async_trait;
use rusqlite::{OptionalExtension, params};
use webchat_domain::{Timestamp, UserId};
use webchat_persistence::{StoreError, UserActivity};

use crate::SqliteStore;
use crate::rows::Columns;

#[async_trait]
impl UserActivity for SqliteStore {
    async fn record_activity(
        &self,
        user_id: UserId,
        now: Timestamp,
        skip_if_active_after: Timestamp,
    ) -> Result<(), StoreError> {
        // Read first, because most calls then don't need the writer, which all users share.
        let recorded: Option<i64> = self
            .database
            .read(move |transaction| {
                transaction
                    .prepare_cached("SELECT active_at FROM users WHERE user_id = ?1")?
                    .query_row([user_id.to_simple()], |row| row.get(0))
                    .optional()
            })
            .await?;
        if recorded.is_some_and(|active_at| active_at > skip_if_active_after.unix_millis()) {
            return Ok(());
        }
        self.database
            .write(move |transaction| {
                transaction
                    .prepare_cached(
                        "INSERT INTO users (user_id, active_at) VALUES (?1, ?2)
                         ON CONFLICT DO UPDATE SET active_at = max(active_at, ?2)",
                    )?
                    .execute(params![user_id.to_simple(), now.unix_millis()])?;
                Ok(())
            })
            .await
    }

    async fn add_missing_records(&self, now: Timestamp) -> Result<(), StoreError> {
        // Find them without the writer, because this reads all conversations. Those with an empty `user_id` have no
        // user.
        let without_record: Vec<String> = self
            .database
            .read_long(None, |transaction| {
                transaction
                    .prepare_cached(
                        "SELECT DISTINCT user_id FROM conversations
                         WHERE user_id <> '' AND user_id NOT IN (SELECT user_id FROM users)",
                    )?
                    .query_map([], |row| row.get(0))?
                    .collect()
            })
            .await?;
        if without_record.is_empty() {
            return Ok(());
        }
        self.database
            .write(move |transaction| {
                let mut insert = transaction.prepare_cached(
                    "INSERT OR IGNORE INTO users (user_id, active_at) VALUES (?1, ?2)",
                )?;
                for user_id in without_record {
                    insert.execute(params![user_id, now.unix_millis()])?;
                }
                Ok(())
            })
            .await
    }

    async fn list_inactive(&self, before: Timestamp, max: u32) -> Result<Vec<UserId>, StoreError> {
        self.database
            .read(move |transaction| {
                transaction
                    .prepare_cached(
                        "SELECT user_id FROM users WHERE active_at < ?1 ORDER BY active_at LIMIT ?2",
                    )?
                    .query_map(params![before.unix_millis(), max], |row| {
                        Columns::of(row).parsed()
                    })?
                    .collect()
            })
            .await
    }

    async fn delete_record_if_inactive(
        &self,
        user_id: UserId,
        before: Timestamp,
    ) -> Result<(), StoreError> {
        self.database
            .write(move |transaction| {
                transaction.execute(
                    "DELETE FROM users WHERE user_id = ?1 AND active_at < ?2",
                    params![user_id.to_simple(), before.unix_millis()],
                )?;
                Ok(())
            })
            .await
    }
}
