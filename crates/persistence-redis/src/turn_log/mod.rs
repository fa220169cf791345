//! The turn log: events in Redis Streams, and notifications about new ones.

mod entry;
mod event_listener;
mod log;
mod tail;
mod topics;
mod update;

pub use log::RedisTurnLog;
