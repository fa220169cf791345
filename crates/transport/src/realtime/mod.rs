//! Live connections: WebSocket, Socket.IO and server-sent events, over one protocol of events.

pub(crate) mod client;
pub(crate) mod client_event;
pub(crate) mod connections;
pub(crate) mod limits;
pub(crate) mod schema;
pub(crate) mod server_event;
pub(crate) mod socket_io;
pub(crate) mod sse;
pub(crate) mod websocket;
