//! The entry point: a Redis server, for which the adapters are created.

use std::time::Duration;

use redis::cmd;
use webchat_persistence::StoreError;

use crate::connection::pool::Pool;
use crate::connection::server::Server;
use crate::error::OpenError;
use crate::keys::Keys;
use crate::signals::RedisSignals;
use crate::turn_log::RedisTurnLog;

/// The prefix of all keys, so that a Redis server can be shared with other applications.
const PREFIX: &str = "webchat:";

/// The sessions on a Redis server, and the factory of its turn log and its signals. Clones share their connections.
#[derive(Clone)]
pub struct RedisStore {
    server: Server,
    pub(crate) pool: Pool,
    pub(crate) keys: Keys,
}

impl RedisStore {
    /// Connects to the Redis server at `redis://[user:password@]host[:port][/database]`, or with TLS at `rediss://…`.
    /// Waits up to `timeout` for a server that is not available yet.
    ///
    /// # Errors
    /// See [`OpenError`]. Permanent errors are returned immediately.
    ///
    /// # Cancel safety
    /// Dropping the future has no side effects.
    pub async fn open(url: &str, timeout: Duration) -> Result<Self, OpenError> {
        let server = Server::parse(url)?;
        server.wait_until_ready(timeout).await?;
        Ok(Self { pool: Pool::new(server.clone()), server, keys: Keys::new(PREFIX) })
    }

    /// Replaces the key prefix `webchat:`, so that two installations can share a Redis server.
    #[must_use]
    pub fn with_prefix(self, prefix: &str) -> Self {
        Self { keys: Keys::new(prefix), ..self }
    }

    /// Creates a turn log on this Redis server. Each turn log has its own connection and task, which end when it is
    /// dropped. A process needs only one.
    ///
    /// # Panics
    /// If it is called outside a Tokio runtime.
    #[must_use]
    pub fn turn_log(&self) -> RedisTurnLog {
        RedisTurnLog::new(self.server.clone(), self.pool.clone(), self.keys.clone())
    }

    /// Creates the signals between the instances on this Redis server. Each object has its own connection and task,
    /// which end when it is dropped. A process needs only one.
    ///
    /// # Panics
    /// If it is called outside a Tokio runtime.
    #[must_use]
    pub fn signals(&self) -> RedisSignals {
        RedisSignals::new(self.server.clone(), self.pool.clone(), self.keys.clone())
    }

    /// Checks in one round trip that Redis responds.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], within two seconds.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.pool.query(&cmd("PING")).await
    }
}
