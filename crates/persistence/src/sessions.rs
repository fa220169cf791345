use async_trait::async_trait;
use webchat_domain::{Session, SessionId, Timestamp};

use crate::StoreError;

/// Where sessions are kept until they lapse.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Sessions: Send + Sync {
    /// The session, unless it has lapsed by `now`.
    async fn find(&self, id: SessionId, now: Timestamp) -> Result<Option<Session>, StoreError>;

    /// Keeps the session, in place of an older state of it, until `expires_at`. What has lapsed by
    /// `now` may be removed on the way.
    async fn save(
        &self,
        session: &Session,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Ends the session. One that is not there is no error.
    async fn delete(&self, id: SessionId) -> Result<(), StoreError>;
}
