//! Connecting to Redis.

use std::mem;
use std::time::Duration;

use backon::{ConstantBuilder, Retryable};
use redis::aio::{AsyncPushSender, MultiplexedConnection};
use redis::{AsyncConnectionConfig, Client, IntoConnectionInfo, ProtocolVersion, RedisResult, cmd};
use tokio::time::Instant;

use crate::error::{OpenError, is_transient};

/// The timeout for connecting, and for each command.
pub(crate) const COMMAND_TIMEOUT: Duration = Duration::from_secs(2);

/// The delay between two attempts to connect at startup.
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// A Redis server to connect to.
#[derive(Clone)]
pub(crate) struct Server {
    client: Client,
}

impl Server {
    pub(crate) fn parse(url: &str) -> Result<Self, OpenError> {
        let url = redis::parse_redis_url(url).ok_or(OpenError::InvalidUrl)?;
        // An unencoded `/`, `?` or `#` in the password ends the authority. The `@` is then in the path, the query or the
        // fragment.
        let after_host =
            [url.path(), url.query().unwrap_or_default(), url.fragment().unwrap_or_default()];
        if after_host.iter().any(|part| part.contains('@')) {
            return Err(OpenError::InvalidUrl);
        }
        let info = url.into_connection_info().map_err(|_| OpenError::InvalidUrl)?;
        let tcp = info.tcp_settings().clone().set_nodelay(true);
        // With RESP3, the client reports the loss of a connection.
        let redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let client = Client::open(info.set_tcp_settings(tcp).set_redis_settings(redis))
            .map_err(|_| OpenError::InvalidUrl)?;
        Ok(Self { client })
    }

    /// Returns host and port, without credentials.
    pub(crate) fn address(&self) -> String {
        self.client.get_connection_info().addr().to_string()
    }

    /// Opens a connection with this name in `CLIENT LIST`. `pushes` receives its push messages, and a
    /// `Disconnection` when it is lost.
    pub(crate) async fn connect(
        &self,
        name: &str,
        pushes: impl AsyncPushSender,
    ) -> RedisResult<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(COMMAND_TIMEOUT))
            .set_response_timeout(Some(COMMAND_TIMEOUT))
            .set_push_sender(pushes);
        let mut connection =
            self.client.get_multiplexed_async_connection_with_config(&config).await?;
        cmd("CLIENT").arg("SETNAME").arg(name).exec_async(&mut connection).await?;
        Ok(connection)
    }

    /// Waits until Redis responds. Returns permanent errors immediately.
    pub(crate) async fn wait_until_ready(&self, timeout: Duration) -> Result<(), OpenError> {
        let deadline = Instant::now() + timeout;
        let mut is_first = true;
        let ready = (|| self.ping())
            .retry(ConstantBuilder::new().with_delay(RETRY_DELAY).without_max_times())
            .when(|error| is_transient(error) && Instant::now() < deadline)
            .notify(|error, _| {
                if mem::take(&mut is_first) {
                    tracing::warn!(server = self.address(), %error, ?timeout, "waiting for Redis");
                }
            })
            .await;
        ready.map_err(|error| {
            let (server, is_transient) = (self.address(), is_transient(&error));
            let cause = error.into();
            if is_transient {
                OpenError::Unreachable { server, timeout, cause }
            } else {
                OpenError::Rejected { server, cause }
            }
        })
    }

    async fn ping(&self) -> RedisResult<()> {
        let mut connection = self.connect("webchat", |_| Ok::<_, ()>(())).await?;
        cmd("PING").exec_async(&mut connection).await
    }
}
