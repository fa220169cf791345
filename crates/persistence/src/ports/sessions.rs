//! The port of browser sessions.

use std::time::Duration;

use async_trait::async_trait;
use webchat_domain::{Session, SessionId, Timestamp};

use crate::StoreError;

/// Stores sessions until they expire.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Returns the session unless it has expired by `now`.
    async fn find(&self, id: SessionId, now: Timestamp) -> Result<Option<Session>, StoreError>;

    /// Stores the session until `expires_at`, replacing its older state. Removes no other session, because the clock
    /// may be wrong.
    async fn save(
        &self,
        session: &Session,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Stores a new session until `expires_at`, unless a session with its id exists that has not expired by `now`.
    /// Returns the stored session. Only one of several concurrent calls stores its session.
    async fn start(
        &self,
        session: &Session,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Session, StoreError>;

    /// Extends the session until `expires_at` if this extends it by at least `min_gain`. Otherwise, or if the session
    /// does not exist or has expired by `now`, nothing is written.
    async fn extend(
        &self,
        id: SessionId,
        now: Timestamp,
        expires_at: Timestamp,
        min_gain: Duration,
    ) -> Result<(), StoreError>;

    /// Deletes the sessions that expired before this time. Does nothing in a store that expires sessions itself.
    async fn delete_expired(&self, before: Timestamp) -> Result<(), StoreError>;

    /// Deletes the session. Does nothing if it does not exist.
    async fn delete(&self, id: SessionId) -> Result<(), StoreError>;
}
