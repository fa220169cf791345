//! Live connections: what a client may say and is told, apart from how the frames travel.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use webchat_chat::{PerUserLimit, Permit};
use webchat_domain::UserId;

use super::limits::Limits;
use super::socket_io::sessions::Sessions;
use crate::error::api_error::ApiError;

/// How long connections have to say goodbye.
const GOODBYE: Duration = Duration::from_secs(5);

/// What a client is told that went on sending after it was told to wait.
pub(crate) const TOO_MUCH: &str = "too many messages";

/// The live connections of a server.
#[derive(Clone, Default)]
pub(crate) struct Connections {
    pub(crate) limits: Limits,
    permits: PerUserLimit,
    pub(crate) tasks: TaskTracker,
    pub(crate) closing: CancellationToken,
    pub(crate) socket_io: Arc<Sessions>,
}

impl Connections {
    /// Ends when the server goes away.
    pub(crate) async fn closing(&self) {
        self.closing.cancelled().await;
    }

    /// None yet, and what each may take.
    pub(crate) fn within(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// One more of a user.
    pub(crate) fn enter(&self, user_id: UserId) -> Result<Permit, ApiError> {
        let entered = self.permits.acquire(user_id, self.limits.connections_per_user);
        entered.ok_or(ApiError::ConnectionLimit)
    }

    /// Tells all clients that the server goes away, and waits for the connections to close.
    pub(crate) async fn close(&self) {
        self.closing.cancel();
        self.tasks.close();
        if timeout(GOODBYE, self.tasks.wait()).await.is_err() {
            tracing::warn!(connections = self.tasks.len(), "connections did not close in time");
        }
    }
}
