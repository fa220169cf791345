//! Implements [`ApiKeys`].

use async_trait::async_trait;
use rusqlite::{OptionalExtension, params};
use webchat_domain::{ApiKey, ApiKeyHash, ApiKeyId, NewAuditEntry, Timestamp, UserId};
use webchat_persistence::{ApiKeys, StoreError};

use crate::SqliteStore;
use crate::rows::{Columns, read};

/// The columns of a key, in the order of [`api_key`].
const API_KEY: &str = "key_id, user_id, name, hash, scopes, created_at, expires_at, last_used_at";

#[async_trait]
impl ApiKeys for SqliteStore {
    async fn create(&self, key: ApiKey, audit: Option<NewAuditEntry>) -> Result<(), StoreError> {
        self.write_audited(audit, move |transaction| {
            let created = transaction
                .prepare_cached(&format!(
                    "INSERT INTO api_keys ({API_KEY}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                         ON CONFLICT (key_id) DO NOTHING"
                ))?
                .execute(params![
                    key.key_id.to_simple(),
                    key.user_id.to_simple(),
                    key.name.as_str(),
                    key.hash.to_string(),
                    key.scopes.to_string(),
                    key.created_at.unix_millis(),
                    key.expires_at.map(Timestamp::unix_millis),
                    key.last_used_at.map(Timestamp::unix_millis),
                ])?;
            Ok(((), created > 0))
        })
        .await
    }

    async fn find_by_hash(&self, hash: ApiKeyHash) -> Result<Option<ApiKey>, StoreError> {
        self.database
            .read(move |transaction| {
                transaction
                    .prepare_cached(&format!("SELECT {API_KEY} FROM api_keys WHERE hash = ?1"))?
                    .query_row([hash.to_string()], read(api_key))
                    .optional()
            })
            .await
    }

    async fn list(&self, user_id: UserId) -> Result<Vec<ApiKey>, StoreError> {
        self.database
            .read(move |transaction| {
                transaction
                    .prepare_cached(&format!(
                        "SELECT {API_KEY} FROM api_keys WHERE user_id = ?1 ORDER BY key_id DESC"
                    ))?
                    .query_map([user_id.to_simple()], read(api_key))?
                    .collect()
            })
            .await
    }

    async fn delete(
        &self,
        user_id: UserId,
        key_id: ApiKeyId,
        audit: Option<NewAuditEntry>,
    ) -> Result<bool, StoreError> {
        self.write_audited(audit, move |transaction| {
            let deleted = transaction
                .prepare_cached("DELETE FROM api_keys WHERE key_id = ?1 AND user_id = ?2")?
                .execute([key_id.to_simple(), user_id.to_simple()])?;
            Ok((deleted > 0, deleted > 0))
        })
        .await
    }

    async fn record_use(&self, key_id: ApiKeyId, now: Timestamp) -> Result<(), StoreError> {
        self.database
            .write(move |transaction| {
                transaction
                    .prepare_cached("UPDATE api_keys SET last_used_at = ?2 WHERE key_id = ?1")?
                    .execute(params![key_id.to_simple(), now.unix_millis()])?;
                Ok(())
            })
            .await
    }
}

fn api_key(columns: &mut Columns<'_>) -> rusqlite::Result<ApiKey> {
    Ok(ApiKey {
        key_id: columns.parsed()?,
        user_id: columns.parsed()?,
        name: columns.parsed()?,
        hash: columns.parsed()?,
        scopes: columns.parsed()?,
        created_at: columns.timestamp()?,
        expires_at: columns.timestamp_option()?,
        last_used_at: columns.timestamp_option()?,
    })
}
