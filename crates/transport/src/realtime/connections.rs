//! The live connections of a server.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use webchat_chat::{PerUserLimit, Permit};
use webchat_domain::UserId;

use super::limits::Limits;
use super::socket_io::sessions::EngineIoSessions;
use crate::error::api_error::ApiError;
use crate::security_log::SecurityLog;

/// How long connections may take to close at shutdown.
const CLOSE_GRACE: Duration = Duration::from_secs(5);

/// The live connections of a server. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Connections {
    pub(super) limits: Limits,
    permits: PerUserLimit,
    pub(super) tasks: TaskTracker,
    pub(super) closing: CancellationToken,
    pub(super) socket_io: Arc<EngineIoSessions>,
    pub(super) security_log: SecurityLog,
}

impl Connections {
    pub(crate) fn new(limits: Limits, security_log: SecurityLog) -> Self {
        Self { limits, security_log, ..Self::default() }
    }

    /// Completes when the server begins to shut down.
    pub(crate) async fn closing(&self) {
        self.closing.cancelled().await;
    }

    /// Acquires a permit for one more connection of a user.
    ///
    /// # Errors
    /// [`ApiError::ConnectionLimit`] if the user has too many connections.
    pub(super) fn acquire(&self, user_id: UserId) -> Result<Permit, ApiError> {
        let permit = self.permits.acquire(user_id, self.limits.connections_per_user);
        permit.ok_or(ApiError::ConnectionLimit)
    }

    /// Tells all clients that the server restarts, and waits for their connections to close.
    pub(crate) async fn close(&self) {
        self.closing.cancel();
        self.tasks.close();
        if timeout(CLOSE_GRACE, self.tasks.wait()).await.is_err() {
            tracing::warn!(connections = self.tasks.len(), "connections did not close in time");
        }
    }
}
