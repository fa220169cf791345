//! The WebSocket at `/ws`.

pub(crate) mod connection;
pub(crate) mod frame_guard;
