use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use deadpool::managed::{self, Manager, Metrics, Object, RecycleError, RecycleResult};
use redis::aio::MultiplexedConnection;
use redis::{Cmd, FromRedisValue, PushInfo, PushKind, RedisError, RedisResult, ScriptInvocation};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};
use webchat_persistence::StoreError;

use crate::error::{is_of_its_connection, store_error};
use crate::server::{ANSWERS_WITHIN, Server};

/// At most so many commands are under way at a time; further ones wait their turn.
const MOST_CONNECTIONS: usize = 16;

/// Connections for commands.
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

/// A connection in use, and until when.
struct Lease {
    connection: Object<Connections>,
    deadline: Instant,
}

impl Pool {
    /// Connects when it is first used.
    #[expect(clippy::expect_used, reason = "it can fail only where it has timeouts of its own")]
    pub(crate) fn new(server: Server) -> Self {
        let connections =
            managed::Pool::builder(Connections { server }).max_size(MOST_CONNECTIONS).build();
        Self { connections: connections.expect("a pool without timeouts") }
    }

    pub(crate) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        let mut lease = self.lease().await?;
        let redis = &mut lease.connection.redis;
        let answer = timeout_at(lease.deadline, command.query_async(redis)).await;
        lease.end(answer)
    }

    pub(crate) async fn run<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, StoreError> {
        let mut lease = self.lease().await?;
        let redis = &mut lease.connection.redis;
        let answer = timeout_at(lease.deadline, script.invoke_async(redis)).await;
        lease.end(answer)
    }

    /// One deadline for all of it: waiting for a connection, making it, and the answer.
    async fn lease(&self) -> Result<Lease, StoreError> {
        let deadline = Instant::now() + ANSWERS_WITHIN;
        let connection = timeout_at(deadline, self.connections.get())
            .await
            .map_err(StoreError::unavailable)?
            .map_err(StoreError::unavailable)?;
        Ok(Lease { connection, deadline })
    }
}

impl Lease {
    fn end<T>(self, answer: Result<RedisResult<T>, Elapsed>) -> Result<T, StoreError> {
        let answer = answer.unwrap_or_else(|elapsed| Err(io::Error::from(elapsed).into()));
        answer.map_err(|error| {
            if is_of_its_connection(&error) {
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

    /// Without asking Redis: a `PING` before each command would double its round trips.
    async fn recycle(&self, connection: &mut Connection, _: &Metrics) -> RecycleResult<RedisError> {
        if connection.is_open.load(Ordering::Acquire) {
            Ok(())
        } else {
            Err(RecycleError::message("Redis closed the connection"))
        }
    }
}
