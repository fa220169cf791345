//! Socket.IO: revision 5 of its protocol, over revision 4 of Engine.IO, which carries it over HTTP
//! long polling or a WebSocket. An adapter onto [`Client`](crate::realtime::client::client::Client).
//!
//! Sources: <https://github.com/socketio/engine.io-protocol> and
//! <https://github.com/socketio/socket.io-protocol>.

pub(crate) mod close_reason;
pub(crate) mod connection;
pub(crate) mod engine_io_error;
pub(crate) mod engine_io_session;
pub(crate) mod handler;
pub(crate) mod outbox;
pub(crate) mod polling;
pub(crate) mod session_task;
pub(crate) mod sessions;
pub(crate) mod websocket;
