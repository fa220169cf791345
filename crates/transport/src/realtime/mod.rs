//! Live connections: one event protocol over WebSocket, Socket.IO and server-sent events.

mod burst_rate;
pub(crate) mod client;
pub(crate) mod close_reason;
pub(crate) mod connections;
pub(crate) mod events;
mod forward;
pub(crate) mod limits;
pub(crate) mod session_end;
pub(crate) mod socket_io;
pub(crate) mod sse;
mod unfinished_message;
pub(crate) mod websocket;
