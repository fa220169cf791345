//! Socket.IO, revision 5, over Engine.IO, revision 4, with HTTP long polling or a WebSocket as transport.
//! Events are dispatched by a [`Client`](super::client::Client).
//!
//! Sources: <https://github.com/socketio/engine.io-protocol> and
//! <https://github.com/socketio/socket.io-protocol>.

mod connection;
pub(crate) mod engine_io_error;
mod engine_io_session;
pub(crate) mod handler;
mod outbox;
mod polling;
mod session_task;
pub(super) mod sessions;
mod websocket;
