//! The port of browser sessions.

use std::time::Duration;

use async_trait::async_trait;
use webchat_domain::{Session, SessionId, Timestamp, UserId};

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

    /// Replaces the state of a session, and stores it until `expires_at`, if it exists and has not expired by `now`.
    /// Returns whether it does, so that a session that is deleted concurrently stays deleted.
    async fn replace(
        &self,
        session: &Session,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<bool, StoreError>;

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

    /// Returns the sessions in which the user is signed in and that have not expired by `now`, in any order.
    async fn list_signed_in(
        &self,
        user_id: UserId,
        now: Timestamp,
    ) -> Result<Vec<StoredSession>, StoreError>;

    /// Returns the sessions in which users have signed in with this session of an identity provider and that have not
    /// expired by `now`, in any order.
    async fn list_of_provider(
        &self,
        issuer: String,
        provider_session: String,
        now: Timestamp,
    ) -> Result<Vec<Session>, StoreError>;

    /// Deletes all sessions in which the user is signed in, except `kept`. Returns whether there were any.
    async fn delete_signed_in(
        &self,
        user_id: UserId,
        kept: Option<SessionId>,
    ) -> Result<bool, StoreError>;

    /// Deletes everything about the sessions of a user, also expired ones. A session in which nobody is signed in may remain
    /// until it expires, in a store that expires sessions itself.
    async fn erase(&self, user_id: UserId) -> Result<(), StoreError>;
}

/// A session and its expiry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSession {
    /// The session.
    pub session: Session,
    /// When it expires.
    pub expires_at: Timestamp,
}
