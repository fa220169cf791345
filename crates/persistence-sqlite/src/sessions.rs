//! Implements [`Sessions`].

use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{OptionalExtension, Transaction, params};
use webchat_domain::{ConversationId, Session, SessionId, Timestamp};
use webchat_persistence::{Sessions, StoreError};

use crate::{SqliteStore, rows};

#[async_trait]
impl Sessions for SqliteStore {
    async fn find(&self, id: SessionId, now: Timestamp) -> Result<Option<Session>, StoreError> {
        self.database.read(move |transaction| find(transaction, id, now)).await
    }

    async fn save(
        &self,
        session: &Session,
        _now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        let session = session.clone();
        self.database.write(move |transaction| save(transaction, &session, expires_at)).await
    }

    async fn start(
        &self,
        session: &Session,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Session, StoreError> {
        let session = session.clone();
        self.database
            .write(move |transaction| {
                if let Some(existing) = find(transaction, session.session_id, now)? {
                    return Ok(existing);
                }
                save(transaction, &session, expires_at)?;
                Ok(session)
            })
            .await
    }

    async fn extend(
        &self,
        id: SessionId,
        now: Timestamp,
        expires_at: Timestamp,
        min_gain: Duration,
    ) -> Result<(), StoreError> {
        let max_current = expires_at.minus(min_gain).unix_millis();
        let current = self.database.read(move |transaction| expiry(transaction, id, now)).await?;
        if current.is_none_or(|current| current > max_current) {
            return Ok(());
        }
        self.database
            .write(move |transaction| {
                transaction
                    .prepare_cached(
                        "UPDATE sessions SET expires_at = max(expires_at, ?2) WHERE session_id = ?1",
                    )?
                    .execute(params![id.to_simple(), expires_at.unix_millis()])?;
                Ok(())
            })
            .await
    }

    async fn delete_expired(&self, before: Timestamp) -> Result<(), StoreError> {
        self.database
            .write(move |transaction| {
                transaction.execute(
                    "DELETE FROM sessions WHERE expires_at < ?1",
                    [before.unix_millis()],
                )?;
                Ok(())
            })
            .await
    }

    async fn delete(&self, id: SessionId) -> Result<(), StoreError> {
        self.database
            .write(move |transaction| {
                transaction
                    .prepare_cached("DELETE FROM sessions WHERE session_id = ?1")?
                    .execute([id.to_simple()])?;
                Ok(())
            })
            .await
    }
}

fn find(
    transaction: &Transaction<'_>,
    id: SessionId,
    now: Timestamp,
) -> rusqlite::Result<Option<Session>> {
    transaction
        .prepare_cached(
            "SELECT user_id, conversation_id FROM sessions
             WHERE session_id = ?1 AND expires_at > ?2",
        )?
        .query_row(
            params![id.to_simple(), now.unix_millis()],
            rows::read(|columns| {
                Ok(Session {
                    session_id: id,
                    user_id: columns.parsed()?,
                    conversation_id: columns.parsed_option()?,
                })
            }),
        )
        .optional()
}

fn save(
    transaction: &Transaction<'_>,
    session: &Session,
    expires_at: Timestamp,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO sessions (session_id, user_id, conversation_id, expires_at)
             VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![
            session.session_id.to_simple(),
            session.user_id.to_simple(),
            session.conversation_id.map(ConversationId::to_simple),
            expires_at.unix_millis(),
        ])?;
    Ok(())
}

fn expiry(
    transaction: &Transaction<'_>,
    id: SessionId,
    now: Timestamp,
) -> rusqlite::Result<Option<i64>> {
    transaction
        .prepare_cached(
            "SELECT expires_at FROM sessions WHERE session_id = ?1 AND expires_at > ?2",
        )?
        .query_row(params![id.to_simple(), now.unix_millis()], |row| row.get(0))
        .optional()
}
