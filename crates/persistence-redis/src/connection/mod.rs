//! Connections to Redis: a pool for commands, and subscribers that reconnect.

pub(crate) mod pool;
pub(crate) mod server;
pub(crate) mod subscriber;
