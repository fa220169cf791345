//! The WebSocket at `/ws`.

mod close;
pub(crate) mod connect;
pub(crate) mod frame_guard;
mod reader;
mod writer;
