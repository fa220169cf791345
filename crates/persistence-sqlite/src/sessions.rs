//! Implements [`Sessions`].

use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{OptionalExtension, Transaction, params};
use webchat_domain::{
    ConversationId, ProviderSession, Session, SessionId, SignIn, Timestamp, UserId,
};
use webchat_persistence::{Sessions, StoreError, StoredSession};

use crate::rows::Columns;
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

    async fn replace(
        &self,
        session: &Session,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<bool, StoreError> {
        let session = session.clone();
        self.database
            .write(move |transaction| {
                let exists = find(transaction, session.session_id, now)?.is_some();
                if exists {
                    save(transaction, &session, expires_at)?;
                }
                Ok(exists)
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

    async fn list_signed_in(
        &self,
        user_id: UserId,
        now: Timestamp,
    ) -> Result<Vec<StoredSession>, StoreError> {
        self.database
            .read(move |transaction| {
                transaction
                    .prepare_cached(&format!(
                        "SELECT {SESSION}, expires_at FROM sessions
                         WHERE user_id = ?1 AND signed_in_at IS NOT NULL AND expires_at > ?2"
                    ))?
                    .query_map(
                        params![user_id.to_simple(), now.unix_millis()],
                        rows::read(|columns| {
                            let session = session(columns)?;
                            Ok(StoredSession { session, expires_at: columns.timestamp()? })
                        }),
                    )?
                    .collect()
            })
            .await
    }

    async fn list_of_provider(
        &self,
        issuer: String,
        provider_session: String,
        now: Timestamp,
    ) -> Result<Vec<Session>, StoreError> {
        self.database
            .read(move |transaction| {
                transaction
                    .prepare_cached(&format!(
                        "SELECT {SESSION} FROM sessions
                         WHERE provider_session = ?1 AND provider_issuer = ?2 AND expires_at > ?3"
                    ))?
                    .query_map(
                        params![provider_session, issuer, now.unix_millis()],
                        rows::read(session),
                    )?
                    .collect()
            })
            .await
    }

    async fn delete_signed_in(
        &self,
        user_id: UserId,
        kept: Option<SessionId>,
    ) -> Result<bool, StoreError> {
        self.database
            .write(move |transaction| {
                let deleted = transaction
                    .prepare_cached(
                        "DELETE FROM sessions
                         WHERE user_id = ?1 AND signed_in_at IS NOT NULL AND session_id IS NOT ?2",
                    )?
                    .execute(params![user_id.to_simple(), kept.map(SessionId::to_simple)])?;
                Ok(deleted > 0)
            })
            .await
    }

    async fn erase(&self, user_id: UserId) -> Result<(), StoreError> {
        // Read them first, because there is no index of the sessions in which nobody is signed in.
        let ids = self.database.read_long(None, move |transaction| {
            transaction
                .prepare("SELECT session_id FROM sessions WHERE user_id = ?1")?
                .query_map([user_id.to_simple()], |row| row.get(0))?
                .collect::<rusqlite::Result<Vec<String>>>()
        });
        let ids = ids.await?;
        self.database
            .write(move |transaction| {
                let mut delete =
                    transaction.prepare("DELETE FROM sessions WHERE session_id = ?1")?;
                ids.iter().try_for_each(|id| delete.execute([id]).map(drop))
            })
            .await
    }
}

/// The columns of a session, in the order of [`session`].
const SESSION: &str = "session_id, user_id, conversation_id, signed_in_at, device, \
                       account_version, provider, provider_issuer, provider_session";

fn find(
    transaction: &Transaction<'_>,
    id: SessionId,
    now: Timestamp,
) -> rusqlite::Result<Option<Session>> {
    transaction
        .prepare_cached(&format!(
            "SELECT {SESSION} FROM sessions WHERE session_id = ?1 AND expires_at > ?2"
        ))?
        .query_row(params![id.to_simple(), now.unix_millis()], rows::read(session))
        .optional()
}

fn session(columns: &mut Columns<'_>) -> rusqlite::Result<Session> {
    Ok(Session {
        session_id: columns.parsed()?,
        user_id: columns.parsed()?,
        conversation_id: columns.parsed_option()?,
        sign_in: {
            let (at, device) = (columns.timestamp_option()?, columns.value::<Option<String>>()?);
            let version: Option<u32> = columns.value()?;
            let (provider, issuer): (Option<String>, Option<String>) =
                (columns.value()?, columns.value()?);
            let session_id: Option<String> = columns.value()?;
            let provider = provider.zip(issuer).map(|(provider, issuer)| ProviderSession {
                provider,
                issuer,
                session_id,
            });
            let sign_in = at.zip(device).zip(version);
            sign_in.map(|((at, device), account_version)| SignIn {
                at,
                device,
                account_version,
                provider,
            })
        },
    })
}

fn save(
    transaction: &Transaction<'_>,
    session: &Session,
    expires_at: Timestamp,
) -> rusqlite::Result<()> {
    let sign_in = session.sign_in.as_ref();
    let provider = sign_in.and_then(|sign_in| sign_in.provider.as_ref());
    transaction
        .prepare_cached(&format!(
            "INSERT OR REPLACE INTO sessions ({SESSION}, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
        ))?
        .execute(params![
            session.session_id.to_simple(),
            session.user_id.to_simple(),
            session.conversation_id.map(ConversationId::to_simple),
            sign_in.map(|sign_in| sign_in.at.unix_millis()),
            sign_in.map(|sign_in| &sign_in.device),
            sign_in.map(|sign_in| sign_in.account_version),
            provider.map(|provider| &provider.provider),
            provider.map(|provider| &provider.issuer),
            provider.and_then(|provider| provider.session_id.as_ref()),
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
