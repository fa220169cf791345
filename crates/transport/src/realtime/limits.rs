//! The limits of live connections.

use std::time::Duration;

use super::websocket::frame_validator::FrameLimits;

/// The limits of live connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The maximum number of messages of a connection per second, averaged over ten seconds. At least 1.
    pub messages_per_second: u32,
    /// The maximum number of connections of a user to this instance.
    pub connections_per_user: usize,
    /// The maximum number of connections of a client network to this instance.
    pub connections_per_network: usize,
    /// The maximum number of connections to this instance.
    pub max_connections: usize,
    /// The time without data from a WebSocket's client after which the connection is closed.
    pub idle_timeout: Duration,
    /// The time for which a WebSocket's client may receive nothing before the connection is dropped. After half of
    /// this time, the client is asked to reconnect.
    pub send_timeout: Duration,
    /// The maximum size of a WebSocket frame, in bytes.
    pub max_frame: usize,
    /// The maximum size of a WebSocket message, in bytes.
    pub max_message: usize,
}

impl Limits {
    /// Returns the limits on WebSocket frames.
    pub(crate) fn frames(&self) -> FrameLimits {
        FrameLimits {
            max_frame: self.max_frame,
            max_message: self.max_message,
            messages_per_second: self.messages_per_second,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            messages_per_second: 10,
            connections_per_user: 20,
            connections_per_network: 200,
            max_connections: 10_000,
            idle_timeout: Duration::from_secs(45),
            send_timeout: Duration::from_secs(30),
            max_frame: 1024 * 1024,
            max_message: 4 * 1024 * 1024,
        }
    }
}
