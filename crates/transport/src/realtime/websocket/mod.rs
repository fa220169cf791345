//! The WebSocket at `/ws`.

mod close;
pub(crate) mod connect;
pub(crate) mod frame_validator;
pub(crate) mod handshake;
mod reader;
pub(crate) mod violation;
mod writer;
