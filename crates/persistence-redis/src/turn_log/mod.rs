//! The turn log: events in Redis Streams, and notifications about new ones.

mod entry;
mod event_listener;
mod log;
mod topics;

pub use log::RedisTurnLog;
