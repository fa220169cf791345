//! Implements [`Sessions`].

use std::time::Duration;

use async_trait::async_trait;
use redis::cmd;
use serde::{Deserialize, Serialize};
use webchat_domain::{ConversationId, Session, SessionId, SignIn, Timestamp, UserId};
use webchat_persistence::{Sessions, StoreError, StoredSession};

use crate::store::RedisStore;

/// The time that Redis keeps a session after its expiry. The caller's clock, which may lag behind, decides whether a session
/// has expired.
const EXPIRY_MARGIN: Duration = Duration::from_mins(1);

/// The number of sessions in an index after which those that have ended are removed from it. A user has at most 100
/// sessions.
const MAX_INDEXED: u32 = 128;

/// A session as stored in Redis, under its id.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    user_id: UserId,
    conversation_id: Option<ConversationId>,
    expires_at: Timestamp,
    /// Missing in the sessions of anonymous users, which earlier versions also read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sign_in: Option<SignIn>,
}

impl Entry {
    fn into_session(self, session_id: SessionId) -> Session {
        let Self { user_id, conversation_id, sign_in, .. } = self;
        Session { session_id, user_id, conversation_id, sign_in }
    }
}

#[async_trait]
impl Sessions for RedisStore {
    async fn find(&self, id: SessionId, now: Timestamp) -> Result<Option<Session>, StoreError> {
        let entry = self.entry(id).await?.filter(|entry| entry.expires_at > now);
        Ok(entry.map(|entry| entry.into_session(id)))
    }

    async fn save(
        &self,
        session: &Session,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        let (entry, ttl) = serialize(session, now, expires_at)?;
        self.add_to_indexes(session, ttl).await?;
        let key = self.keys.session(session.session_id);
        self.pool.query(cmd("SET").arg(key).arg(entry).arg("PX").arg(ttl)).await
    }

    async fn replace(
        &self,
        session: &Session,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<bool, StoreError> {
        let is_current = |entry: &Entry| entry.expires_at > now;
        if self.entry(session.session_id).await?.as_ref().is_none_or(|entry| !is_current(entry)) {
            return Ok(false);
        }
        let (entry, ttl) = serialize(session, now, expires_at)?;
        self.add_to_indexes(session, ttl).await?;
        let key = self.keys.session(session.session_id);
        let mut set = cmd("SET");
        let replaced: Option<String> =
            self.pool.query(set.arg(key).arg(entry).arg("PX").arg(ttl).arg("XX")).await?;
        Ok(replaced.is_some())
    }

    async fn start(
        &self,
        session: &Session,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Session, StoreError> {
        let (entry, ttl) = serialize(session, now, expires_at)?;
        self.add_to_indexes(session, ttl).await?;
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
        self.replace(&entry.into_session(id), now, expires_at).await?;
        Ok(())
    }

    async fn delete_expired(&self, _before: Timestamp) -> Result<(), StoreError> {
        Ok(())
    }

    async fn delete(&self, id: SessionId) -> Result<(), StoreError> {
        self.pool.query(cmd("DEL").arg(self.keys.session(id))).await
    }

    async fn list_signed_in(
        &self,
        user_id: UserId,
        now: Timestamp,
    ) -> Result<Vec<StoredSession>, StoreError> {
        let index = self.keys.user_sessions(user_id);
        let mut sessions = Vec::new();
        for id in self.indexed_ids(&index).await? {
            let Some(entry) = self.entry(id).await?.filter(|entry| entry.expires_at > now) else {
                self.remove_from_index(&index, id).await?;
                continue;
            };
            let expires_at = entry.expires_at;
            sessions.push(StoredSession { session: entry.into_session(id), expires_at });
        }
        Ok(sessions)
    }

    async fn list_of_provider(
        &self,
        issuer: String,
        provider_session: String,
        now: Timestamp,
    ) -> Result<Vec<Session>, StoreError> {
        let index = self.keys.provider_sessions(&issuer, &provider_session);
        let mut sessions = Vec::new();
        for id in self.indexed_ids(&index).await? {
            sessions.extend(self.find(id, now).await?);
        }
        // Nobody else can have the id of one of these sessions.
        sessions.retain(|session| {
            let provider = session.sign_in.as_ref().and_then(|sign_in| sign_in.provider.as_ref());
            provider.is_some_and(|provider| {
                provider.issuer == issuer
                    && provider.session_id.as_deref() == Some(&provider_session)
            })
        });
        Ok(sessions)
    }

    async fn delete_signed_in(
        &self,
        user_id: UserId,
        kept: Option<SessionId>,
    ) -> Result<bool, StoreError> {
        let index = self.keys.user_sessions(user_id);
        let mut has_deleted = false;
        for id in self.indexed_ids(&index).await? {
            if Some(id) == kept {
                continue;
            }
            let deleted: u64 = self.pool.query(cmd("DEL").arg(self.keys.session(id))).await?;
            has_deleted |= deleted > 0;
            self.remove_from_index(&index, id).await?;
        }
        Ok(has_deleted)
    }

    async fn erase(&self, user_id: UserId) -> Result<(), StoreError> {
        let index = self.keys.user_sessions(user_id);
        for id in self.indexed_ids(&index).await? {
            let sign_in = self.entry(id).await?.and_then(|entry| entry.sign_in);
            if let Some(of_provider) = sign_in.and_then(|sign_in| self.provider_index(&sign_in)) {
                let () = self.pool.query(cmd("SREM").arg(of_provider).arg(id.to_simple())).await?;
            }
            self.delete(id).await?;
        }
        self.pool.query(cmd("DEL").arg(index)).await
    }
}

impl RedisStore {
    /// Adds a session in which somebody is signed in to the indexes of the user's and the provider's sessions: before it
    /// is stored, so that none is missing. An index expires with the last of its sessions.
    async fn add_to_indexes(&self, session: &Session, ttl: i64) -> Result<(), StoreError> {
        const ADD: &str = "redis.call('SADD', KEYS[1], ARGV[1]) \
                           if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then \
                           redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return redis.call('SCARD', KEYS[1])";
        let Some(sign_in) = &session.sign_in else { return Ok(()) };
        let of_provider = self.provider_index(sign_in);
        let id = session.session_id;
        for index in of_provider.into_iter().chain([self.keys.user_sessions(session.user_id)]) {
            let mut eval = cmd("EVAL");
            let eval = eval.arg(ADD).arg(1).arg(&index).arg(id.to_simple()).arg(ttl);
            let length: u32 = self.pool.query(eval).await?;
            if length > MAX_INDEXED {
                self.trim_index(&index, id).await?;
            }
        }
        Ok(())
    }

    /// Returns the key of the index of the provider's session with which somebody has signed in.
    fn provider_index(&self, sign_in: &SignIn) -> Option<String> {
        let provider = sign_in.provider.as_ref()?;
        Some(self.keys.provider_sessions(&provider.issuer, provider.session_id.as_ref()?))
    }

    /// Removes the sessions that are not stored any more, except one that soon is.
    async fn trim_index(&self, index: &str, kept: SessionId) -> Result<(), StoreError> {
        for id in self.indexed_ids(index).await? {
            if id != kept {
                self.remove_from_index(index, id).await?;
            }
        }
        Ok(())
    }

    /// Removes a session from an index, unless it is stored: its sign-in may not be complete.
    async fn remove_from_index(&self, index: &str, id: SessionId) -> Result<(), StoreError> {
        const REMOVE: &str = "if redis.call('EXISTS', KEYS[2]) == 0 then \
                              return redis.call('SREM', KEYS[1], ARGV[1]) end return 0";
        let key = self.keys.session(id);
        let mut eval = cmd("EVAL");
        self.pool.query(eval.arg(REMOVE).arg(2).arg(index).arg(key).arg(id.to_simple())).await
    }

    /// Returns the ids in an index. Some of the sessions may have ended.
    async fn indexed_ids(&self, index: &str) -> Result<Vec<SessionId>, StoreError> {
        let ids: Vec<String> = self.pool.query(cmd("SMEMBERS").arg(index)).await?;
        Ok(ids.iter().filter_map(|id| id.parse().ok()).collect())
    }

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
    let Session { user_id, conversation_id, sign_in, .. } = session.clone();
    let entry = Entry { user_id, conversation_id, expires_at, sign_in };
    let entry = serde_json::to_string(&entry).map_err(StoreError::fault)?;
    let deleted_at = expires_at.plus(EXPIRY_MARGIN).unix_millis();
    Ok((entry, deleted_at.saturating_sub(now.unix_millis()).max(1)))
}

/// Treats an invalid entry as missing, so that the browser starts a new session.
fn parse(entry: &[u8]) -> Option<Entry> {
    serde_json::from_slice(entry)
        .inspect_err(|error| tracing::warn!(%error, "ignored invalid session"))
        .ok()
}
