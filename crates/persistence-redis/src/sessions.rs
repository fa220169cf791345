use std::time::Duration;

use async_trait::async_trait;
use redis::cmd;
use serde::{Deserialize, Serialize};
use webchat_domain::{ConversationId, Session, SessionId, Timestamp, UserId};
use webchat_persistence::{Sessions, StoreError};

use crate::RedisStore;

/// How long Redis keeps a session beyond its end. Whether it has lapsed is for the caller's clock to
/// say, which may lag behind.
const KEPT_BEYOND: Duration = Duration::from_mins(1);

/// A session as Redis keeps it, under its id.
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
        let entry: Option<Vec<u8>> = self.pool.query(cmd("GET").arg(self.keys.session(id))).await?;
        let entry = entry.and_then(|entry| read(&entry)).filter(|entry| entry.expires_at > now);
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
        let &Session { session_id, user_id, conversation_id } = session;
        let entry = serde_json::to_string(&Entry { user_id, conversation_id, expires_at })
            .map_err(StoreError::fault)?;
        let gone_at = expires_at.plus(KEPT_BEYOND).unix_millis();
        let kept_for = gone_at.saturating_sub(now.unix_millis()).max(1);
        let key = self.keys.session(session_id);
        self.pool.query(cmd("SET").arg(key).arg(entry).arg("PX").arg(kept_for)).await
    }

    async fn delete(&self, id: SessionId) -> Result<(), StoreError> {
        self.pool.query(cmd("DEL").arg(self.keys.session(id))).await
    }
}

/// What can't be read is no session: its browser begins a new one.
fn read(entry: &[u8]) -> Option<Entry> {
    serde_json::from_slice(entry)
        .inspect_err(|error| tracing::warn!(%error, "a session in Redis can't be read"))
        .ok()
}
