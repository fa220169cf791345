#![doc = include_str!("../README.md")]

mod connection;
mod error;
mod keys;
mod probe;
mod sessions;
mod signals;
mod store;
mod turn_log;

pub use error::OpenError;
pub use signals::RedisSignals;
pub use store::RedisStore;
pub use turn_log::RedisTurnLog;
