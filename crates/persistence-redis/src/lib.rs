#![doc = include_str!("../README.md")]

mod backoff;
mod entry;
mod error;
mod keys;
mod live;
mod pool;
mod probe;
mod server;
mod sessions;
mod signals;
mod topics;
mod turn_log;

use std::time::Duration;

use redis::cmd;
use webchat_persistence::StoreError;

pub use error::OpenError;
pub use signals::RedisSignals;
pub use turn_log::RedisTurnLog;

use keys::Keys;
use pool::Pool;
use server::Server;

/// Begins each key, so that a Redis can be shared with others.
const PREFIX: &str = "webchat:";

/// The sessions on a Redis, and the way to its turn log and its signals. Clones share their connections.
#[derive(Clone)]
pub struct RedisStore {
    server: Server,
    pool: Pool,
    keys: Keys,
}

impl RedisStore {
    /// Connects to the Redis at `redis://[user:password@]host[:port][/database]`, by TLS where it is
    /// `rediss://`. One that is not there or not ready yet is waited for, no longer than `patience`.
    ///
    /// # Errors
    /// See [`OpenError`]: what waiting can't mend is told at once.
    ///
    /// # Cancellation
    /// Dropping the future leaves nothing behind.
    pub async fn open(url: &str, patience: Duration) -> Result<Self, OpenError> {
        let server = Server::parse(url)?;
        server.wait_until_ready(patience).await?;
        Ok(Self { pool: Pool::new(server.clone()), server, keys: Keys::new(PREFIX) })
    }

    /// Keeps everything under keys that begin so, in place of `webchat:`: two installations on one
    /// Redis never meet.
    #[must_use]
    pub fn with_prefix(self, prefix: &str) -> Self {
        Self { keys: Keys::new(prefix), ..self }
    }

    /// The turn log on this Redis. Each has a connection and a task of its own, which end with it: a
    /// process needs one.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn turn_log(&self) -> RedisTurnLog {
        RedisTurnLog::new(self.clone())
    }

    /// The signals between the instances on this Redis. As with the turn log, a process needs one.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn signals(&self) -> RedisSignals {
        RedisSignals::new(self.clone())
    }

    /// Whether Redis answers, in one round trip.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], within two seconds.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.pool.query(&cmd("PING")).await
    }
}
