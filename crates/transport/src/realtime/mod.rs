//! Live connections: what a client may say and is told, apart from how the frames travel.

mod client;
mod incoming;
mod outgoing;
pub(crate) mod socket_io;
pub(crate) mod sse;
mod websocket;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use sse::EVENT_STREAM;
pub(crate) use websocket::connect;

/// How long connections have to say goodbye.
const GOODBYE: Duration = Duration::from_secs(5);

/// The live connections of a server.
#[derive(Clone, Default)]
pub(crate) struct Connections {
    tasks: TaskTracker,
    closing: CancellationToken,
    socket_io: Arc<socket_io::Sessions>,
}

impl Connections {
    /// Ends when the server goes away.
    pub(crate) async fn closing(&self) {
        self.closing.cancelled().await;
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
