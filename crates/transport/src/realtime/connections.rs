//! The live connections of a server.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use webchat_chat::{CallerLimit, Limit};
use webchat_domain::Caller;

use super::limits::Limits;
use super::socket_io::sessions::EngineIoSessions;
use crate::error::api_error::ApiError;
use crate::error::log::ErrorLog;
use crate::metrics::{ConnectionKind, ConnectionPermit};
use crate::security_log::SecurityLog;

/// The maximum time for connections to close at shutdown.
const CLOSE_GRACE: Duration = Duration::from_secs(5);

/// The live connections of a server. Clones share their state.
#[derive(Clone, Default)]
pub(crate) struct Connections {
    pub(crate) limits: Limits,
    open: CallerLimit,
    pub(super) tasks: TaskTracker,
    pub(super) shutdown: CancellationToken,
    pub(super) engine_io_sessions: Arc<EngineIoSessions>,
    pub(super) security_log: SecurityLog,
    pub(super) error_log: ErrorLog,
}

impl Connections {
    pub(crate) fn new(limits: Limits, security_log: SecurityLog, error_log: ErrorLog) -> Self {
        Self { limits, security_log, error_log, ..Self::default() }
    }

    /// Waits until shutdown begins.
    pub(crate) async fn shutdown_begun(&self) {
        self.shutdown.cancelled().await;
    }

    /// Acquires a permit for one more connection: a WebSocket, an event stream, or a Socket.IO session.
    ///
    /// # Errors
    /// [`ApiError::TooManyUserConnections`], [`ApiError::TooManyNetworkConnections`] or
    /// [`ApiError::TooManyServerConnections`] if the user, the network of the client, or the server has too many.
    pub(crate) fn acquire(
        &self,
        caller: Caller,
        kind: ConnectionKind,
    ) -> Result<ConnectionPermit, ApiError> {
        let maxima = [
            (Limit::ConnectionsPerUser, self.limits.connections_per_user),
            (Limit::ConnectionsPerNetwork, self.limits.connections_per_network),
            (Limit::Connections, self.limits.max_connections),
        ];
        let permit = self.open.acquire(caller, maxima).map_err(|(limit, _)| match limit {
            Limit::ConnectionsPerUser => ApiError::TooManyUserConnections,
            Limit::ConnectionsPerNetwork => ApiError::TooManyNetworkConnections,
            _ => ApiError::TooManyServerConnections,
        })?;
        Ok(ConnectionPermit::new(kind, permit))
    }

    /// Notifies all clients of the restart, and waits for their connections to close.
    pub(crate) async fn close(&self) {
        self.shutdown.cancel();
        self.tasks.close();
        if timeout(CLOSE_GRACE, self.tasks.wait()).await.is_err() {
            tracing::warn!(connections = self.tasks.len(), "connections did not close in time");
        }
    }
}
