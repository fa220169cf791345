//! The pool of connections for commands.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use deadpool::managed::{self, Manager, Metrics, Object, RecycleError, RecycleResult};
use redis::aio::MultiplexedConnection;
use redis::{Cmd, FromRedisValue, PushInfo, PushKind, RedisError, RedisResult, ScriptInvocation};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};
use webchat_persistence::StoreError;

use super::server::{COMMAND_TIMEOUT, Server};
use crate::error::{poisons_connection, store_error};

/// The maximum number of concurrent commands. Further commands wait.
const MAX_CONNECTIONS: usize = 16;

/// A pool of connections for commands.
#[derive(Clone)]
pub(crate) struct Pool {
    connections: managed::Pool<Connections>,
}

struct Connections {
    server: Server,
}

struct Connection {
    redis: MultiplexedConnection,
    is_open: Arc<AtomicBool>,
}

/// A connection in use, and the deadline of its command.
struct Checkout {
    connection: Object<Connections>,
    deadline: Instant,
}

impl Pool {
    /// Creates an empty pool. Connections are opened when they are needed.
    #[expect(clippy::expect_used, reason = "building fails only if the pool has timeouts")]
    pub(crate) fn new(server: Server) -> Self {
        let connections =
            managed::Pool::builder(Connections { server }).max_size(MAX_CONNECTIONS).build();
        Self { connections: connections.expect("a pool without timeouts") }
    }

    pub(crate) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        let mut checkout = self.checkout().await?;
        let redis = &mut checkout.connection.redis;
        let reply = timeout_at(checkout.deadline, command.query_async(redis)).await;
        checkout.finish(reply)
    }

    pub(crate) async fn run<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, StoreError> {
        let mut checkout = self.checkout().await?;
        let redis = &mut checkout.connection.redis;
        let reply = timeout_at(checkout.deadline, script.invoke_async(redis)).await;
        checkout.finish(reply)
    }

    /// Takes a connection out of the pool. One deadline covers the wait for a connection, connecting and the reply.
    async fn checkout(&self) -> Result<Checkout, StoreError> {
        let deadline = Instant::now() + COMMAND_TIMEOUT;
        let connection = timeout_at(deadline, self.connections.get())
            .await
            .map_err(StoreError::unavailable)?
            .map_err(StoreError::unavailable)?;
        Ok(Checkout { connection, deadline })
    }
}

impl Checkout {
    fn finish<T>(self, reply: Result<RedisResult<T>, Elapsed>) -> Result<T, StoreError> {
        let reply = reply.unwrap_or_else(|elapsed| Err(io::Error::from(elapsed).into()));
        reply.map_err(|error| {
            if poisons_connection(&error) {
                drop(Object::take(self.connection));
            }
            store_error(error)
        })
    }
}

impl Manager for Connections {
    type Type = Connection;
    type Error = RedisError;

    async fn create(&self) -> RedisResult<Connection> {
        let is_open = Arc::new(AtomicBool::new(true));
        let watched = Arc::clone(&is_open);
        let watch = move |push: PushInfo| {
            if push.kind == PushKind::Disconnection {
                watched.store(false, Ordering::Release);
            }
            Ok::<_, ()>(())
        };
        let redis = self.server.connect("webchat", watch).await?;
        Ok(Connection { redis, is_open })
    }

    /// Does not send a `PING`, which would double the round trips of each command.
    async fn recycle(&self, connection: &mut Connection, _: &Metrics) -> RecycleResult<RedisError> {
        if connection.is_open.load(Ordering::Acquire) {
            Ok(())
        } else {
            Err(RecycleError::message("connection closed by Redis"))
        }
    }
}
