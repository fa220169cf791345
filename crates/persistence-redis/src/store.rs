//! The entry point: a Redis, from which the adapters are made.

use std::time::Duration;

use redis::cmd;
use webchat_persistence::StoreError;

use crate::connection::pool::Pool;
use crate::connection::server::Server;
use crate::error::OpenError;
use crate::keys::Keys;
use crate::signals::RedisSignals;
use crate::turn_log::RedisTurnLog;

/// The prefix of all keys, so that a Redis can be shared with other applications.
const PREFIX: &str = "webchat:";

/// The sessions on a Redis, from which its turn log and its signals are made. Clones share their
/// connections.
#[derive(Clone)]
pub struct RedisStore {
    server: Server,
    pub(crate) pool: Pool,
    pub(crate) keys: Keys,
}

impl RedisStore {
    /// Connects to the Redis at `redis://[user:password@]host[:port][/database]`, with TLS if it is
    /// `rediss://`. Waits up to `timeout` for a Redis that is not available yet.
    ///
    /// # Errors
    /// See [`OpenError`]. Errors that waiting can't resolve are returned at once.
    ///
    /// # Cancellation
    /// Dropping the future has no side effects.
    pub async fn open(url: &str, timeout: Duration) -> Result<Self, OpenError> {
        let server = Server::parse(url)?;
        server.wait_until_ready(timeout).await?;
        Ok(Self { pool: Pool::new(server.clone()), server, keys: Keys::new(PREFIX) })
    }

    /// Replaces the key prefix `webchat:`, so that two installations can share a Redis.
    #[must_use]
    pub fn with_prefix(self, prefix: &str) -> Self {
        Self { keys: Keys::new(prefix), ..self }
    }

    /// The turn log on this Redis. Each one has its own connection and task, which end when it is
    /// dropped. A process needs only one.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    #[must_use]
    pub fn turn_log(&self) -> RedisTurnLog {
        RedisTurnLog::new(self.server.clone(), self.pool.clone(), self.keys.clone())
    }

    /// The signals between the instances on this Redis. Each has its own connection and task, which end
    /// when it is dropped. A process needs only one.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    #[must_use]
    pub fn signals(&self) -> RedisSignals {
        RedisSignals::new(self.server.clone(), self.pool.clone(), self.keys.clone())
    }

    /// Checks in one round trip that Redis answers.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], within two seconds.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.pool.query(&cmd("PING")).await
    }
}
