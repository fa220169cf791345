//! A connection for subscriptions, which is restored when it is lost.

use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use backon::{BackoffBuilder, ExponentialBuilder};
use redis::aio::MultiplexedConnection;
use redis::{Msg, PushInfo, PushKind, RedisError, RedisResult, cmd};
use tokio::sync::Notify;
use tokio::time::{Instant, interval, sleep};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use super::server::Server;

/// The interval at which a `PING` checks that the connection is alive. The loss of a peer is not noticed otherwise.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(2);

const MAX_RECONNECT_DELAY: Duration = Duration::from_secs(2);

const RECONNECT_BACKOFF: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(50))
    .with_max_delay(MAX_RECONNECT_DELAY)
    .without_max_times();

/// The age at which a connection counts as stable: then its loss is logged, and the backoff starts over.
const STABLE_AFTER: Duration = Duration::from_secs(10);

/// A handler of subscriptions and their messages.
#[async_trait]
pub(crate) trait Subscriber: Send + Sync + 'static {
    /// The name of the connection in `CLIENT LIST`.
    const CONNECTION_NAME: &'static str;

    /// Handles a message. Called on the task of the connection.
    fn receive(&self, message: &Msg);

    /// Subscribes to all channels that this connection is not subscribed to yet.
    async fn subscribe(&self, connection: &mut MultiplexedConnection) -> RedisResult<()>;

    /// Waits until there may be a new channel to subscribe to. Must be cancel-safe.
    async fn channels_changed(&self) {
        std::future::pending::<()>().await;
    }

    /// Unsubscribes from channels that are no longer needed. Called with each heartbeat.
    async fn unsubscribe_idle(&self, _: &mut MultiplexedConnection) -> RedisResult<()> {
        Ok(())
    }

    /// Records that the connection is lost, and all subscriptions with it.
    fn disconnected(&self);
}

/// Runs the subscriber on its own connection until the handle is dropped.
pub(crate) fn spawn<S: Subscriber>(server: Server, subscriber: S) -> AbortOnDropHandle<()> {
    // Dropping the handle ends the task, so nothing has to wait for the tracker.
    AbortOnDropHandle::new(TaskTracker::new().spawn(run(server, Arc::new(subscriber))))
}

/// Never returns: reconnects with exponential backoff.
async fn run<S: Subscriber>(server: Server, subscriber: Arc<S>) {
    let mut delays = RECONNECT_BACKOFF.build();
    let mut log_next_loss = true;
    loop {
        let started = Instant::now();
        let Err(error) = serve(&server, &subscriber).await;
        subscriber.disconnected();
        if started.elapsed() > STABLE_AFTER {
            delays = RECONNECT_BACKOFF.build();
            log_next_loss = true;
        }
        if log_next_loss {
            let (server, name) = (server.address(), S::CONNECTION_NAME);
            tracing::warn!(server, name, %error, "no subscription to Redis, reconnecting");
            log_next_loss = false;
        }
        sleep(delays.next().unwrap_or(MAX_RECONNECT_DELAY)).await;
    }
}

async fn serve<S: Subscriber>(server: &Server, subscriber: &Arc<S>) -> RedisResult<Infallible> {
    let lost = Arc::new(Notify::new());
    let mut connection = connect(server, subscriber, &lost).await?;
    subscriber.subscribe(&mut connection).await?;
    tracing::info!(server = server.address(), name = S::CONNECTION_NAME, "subscribed to Redis");
    let mut heartbeat = interval(HEARTBEAT_INTERVAL);
    loop {
        tokio::select! {
            () = subscriber.channels_changed() => subscriber.subscribe(&mut connection).await?,
            () = lost.notified() => return Err(connection_reset()),
            _ = heartbeat.tick() => {
                subscriber.unsubscribe_idle(&mut connection).await?;
                cmd("PING").exec_async(&mut connection).await?;
            }
        }
    }
}

async fn connect<S: Subscriber>(
    server: &Server,
    subscriber: &Arc<S>,
    lost: &Arc<Notify>,
) -> RedisResult<MultiplexedConnection> {
    let (lost, subscriber) = (Arc::clone(lost), Arc::clone(subscriber));
    let receive = move |push: PushInfo| {
        if push.kind == PushKind::Disconnection {
            lost.notify_one();
        }
        if let Some(message) = Msg::from_push_info(push) {
            subscriber.receive(&message);
        }
        Ok::<_, Infallible>(())
    };
    server.connect(S::CONNECTION_NAME, receive).await
}

/// Returns the error of a lost connection.
fn connection_reset() -> RedisError {
    io::Error::from(ErrorKind::ConnectionReset).into()
}
