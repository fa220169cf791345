//! Implements [`Sessions`].

use std::time::Duration;

use async_trait::async_trait;
use redis::cmd;
use serde::{Deserialize, Serialize};
use webchat_domain::{ConversationId, Session, SessionId, Timestamp, UserId};
use webchat_persistence::{Sessions, StoreError};

use crate::store::RedisStore;

/// The time that Redis keeps a session after its expiry. The caller's clock, which may lag behind, decides whether a session
/// has expired.
const EXPIRY_MARGIN: Duration = Duration::from_mins(1);

/// A session as stored in Redis, under its id.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    user_id: UserId,
    conversation_id: Option<ConversationId>,
    expires_at: Timestamp,
}

#[async_trait]
impl Sessions for RedisStore {
    async fn find(&self, id: SessionId, now: Timestamp) -> Result<Option<Session>, StoreError> {
        let entry = self.entry(id).await?.filter(|entry| entry.expires_at > now);
        Ok(entry.map(|Entry { user_id, conversation_id, .. }| Session {
            session_id: id,
            user_id,
            conversation_id,
        }))
    }

    async fn save(
        &self,
        session: &Session,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        let (entry, ttl) = serialize(session, now, expires_at)?;
        let key = self.keys.session(session.session_id);
        self.pool.query(cmd("SET").arg(key).arg(entry).arg("PX").arg(ttl)).await
    }

    async fn start(
        &self,
        session: &Session,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Session, StoreError> {
        let (entry, ttl) = serialize(session, now, expires_at)?;
        let key = self.keys.session(session.session_id);
        let mut set = cmd("SET");
        set.arg(key).arg(entry).arg("PX").arg(ttl);
        let is_new: Option<String> = self.pool.query(set.clone().arg("NX")).await?;
        if is_new.is_some() {
            return Ok(session.clone());
        }
        if let Some(existing) = self.find(session.session_id, now).await? {
            return Ok(existing);
        }
        // An expired session is still stored in Redis: replace it.
        let _: () = self.pool.query(&set).await?;
        Ok(session.clone())
    }

    async fn extend(
        &self,
        id: SessionId,
        now: Timestamp,
        expires_at: Timestamp,
        min_gain: Duration,
    ) -> Result<(), StoreError> {
        let max_current = expires_at.minus(min_gain);
        let is_due = |entry: &Entry| entry.expires_at > now && entry.expires_at <= max_current;
        let Some(entry) = self.entry(id).await?.filter(is_due) else { return Ok(()) };
        let (user_id, conversation_id) = (entry.user_id, entry.conversation_id);
        let session = Session { session_id: id, user_id, conversation_id };
        self.save(&session, now, expires_at).await
    }

    async fn delete_expired(&self, _before: Timestamp) -> Result<(), StoreError> {
        Ok(())
    }

    async fn delete(&self, id: SessionId) -> Result<(), StoreError> {
        self.pool.query(cmd("DEL").arg(self.keys.session(id))).await
    }
}

impl RedisStore {
    async fn entry(&self, id: SessionId) -> Result<Option<Entry>, StoreError> {
        let entry: Option<Vec<u8>> = self.pool.query(cmd("GET").arg(self.keys.session(id))).await?;
        Ok(entry.and_then(|entry| parse(&entry)))
    }
}

/// Serialises a session. Returns the entry, and its time to live in milliseconds.
fn serialize(
    session: &Session,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(String, i64), StoreError> {
    let &Session { user_id, conversation_id, .. } = session;
    let entry = serde_json::to_string(&Entry { user_id, conversation_id, expires_at })
        .map_err(StoreError::fault)?;
    let deleted_at = expires_at.plus(EXPIRY_MARGIN).unix_millis();
    Ok((entry, deleted_at.saturating_sub(now.unix_millis()).max(1)))
}

/// Treats an invalid entry as missing, so that the browser starts a new session.
fn parse(entry: &[u8]) -> Option<Entry> {
    serde_json::from_slice(entry)
        .inspect_err(|error| tracing::warn!(%error, "ignored invalid session"))
        .ok()
}
