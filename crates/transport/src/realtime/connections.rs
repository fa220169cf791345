//! The live connections of a server.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use webchat_chat::{ConcurrencyLimit, Limit, PerUserLimit, Permit, count_reached_limit};
use webchat_domain::{Network, UserId};

use super::limits::Limits;
use super::socket_io::sessions::EngineIoSessions;
use crate::error::api_error::ApiError;
use crate::security_log::SecurityLog;

/// How long connections may take to close at shutdown.
const CLOSE_GRACE: Duration = Duration::from_secs(5);

/// The live connections of a server. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Connections {
    pub(crate) limits: Limits,
    users: PerUserLimit,
    networks: ConcurrencyLimit<Network>,
    all: ConcurrencyLimit<()>,
    pub(super) tasks: TaskTracker,
    pub(super) closing: CancellationToken,
    pub(super) socket_io: Arc<EngineIoSessions>,
    pub(super) security_log: SecurityLog,
}

/// Counts a connection towards all limits until it is closed.
pub(crate) struct ConnectionPermit {
    _user: Permit,
    _network: Permit<Network>,
    _all: Permit<()>,
}

impl Connections {
    pub(crate) fn new(limits: Limits, security_log: SecurityLog) -> Self {
        Self { limits, security_log, ..Self::default() }
    }

    /// Completes when the server begins to shut down.
    pub(crate) async fn closing(&self) {
        self.closing.cancelled().await;
    }

    /// Acquires a permit for one more connection: a WebSocket, a stream of events, or a session of Socket.IO.
    ///
    /// # Errors
    /// [`ApiError::ConnectionLimit`], [`ApiError::ConnectionLimitOfAddress`] or
    /// [`ApiError::TooManyConnections`] if the user, the network of the client, or the server has too many.
    pub(crate) fn acquire(
        &self,
        user_id: UserId,
        network: Network,
    ) -> Result<ConnectionPermit, ApiError> {
        let limits = &self.limits;
        let user = self.users.acquire(user_id, limits.connections_per_user).ok_or_else(|| {
            count_reached_limit(Limit::ConnectionsPerUser);
            ApiError::ConnectionLimit
        })?;
        let network = self.networks.acquire(network, limits.connections_per_address);
        let network = network.ok_or_else(|| {
            count_reached_limit(Limit::ConnectionsPerAddress);
            ApiError::ConnectionLimitOfAddress
        })?;
        let all = self.all.acquire((), limits.max_connections).ok_or_else(|| {
            count_reached_limit(Limit::Connections);
            ApiError::TooManyConnections
        })?;
        Ok(ConnectionPermit { _user: user, _network: network, _all: all })
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
