//! Socket.IO: revision 5 of its protocol, over revision 4 of Engine.IO, which carries it over HTTP
//! long polling or a WebSocket. An adapter onto [`Client`](super::client::Client).
//!
//! Sources: <https://github.com/socketio/engine.io-protocol> and
//! <https://github.com/socketio/socket.io-protocol>.

mod close_reason;
mod connection;
pub(crate) mod engine_io_error;
mod engine_io_session;
pub(crate) mod handler;
mod outbox;
mod polling;
mod session_task;
pub(super) mod sessions;
mod websocket;
