//! Live connections: what a client may say and is told, apart from how the frames travel.

mod client;
mod frames;
mod incoming;
mod limits;
mod outgoing;
pub(crate) mod schema;
pub(crate) mod socket_io;
pub(crate) mod sse;
mod websocket;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use webchat_chat::{PerUserLimit, Permit};
use webchat_domain::UserId;

pub use limits::Limits;
pub(crate) use sse::EVENT_STREAM;
pub(crate) use websocket::connect;

use crate::ApiError;

/// How long connections have to say goodbye.
const GOODBYE: Duration = Duration::from_secs(5);

/// What a client is told that went on sending after it was told to wait.
const TOO_MUCH: &str = "too many messages";

/// The live connections of a server.
#[derive(Clone, Default)]
pub(crate) struct Connections {
    limits: Limits,
    permits: PerUserLimit,
    tasks: TaskTracker,
    closing: CancellationToken,
    socket_io: Arc<socket_io::Sessions>,
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
    fn enter(&self, user_id: UserId) -> Result<Permit, ApiError> {
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
