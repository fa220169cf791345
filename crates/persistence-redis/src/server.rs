use std::time::Duration;

use redis::aio::{AsyncPushSender, MultiplexedConnection};
use redis::{AsyncConnectionConfig, Client, IntoConnectionInfo, ProtocolVersion, RedisResult, cmd};
use tokio::time::{Instant, sleep};

use crate::OpenError;
use crate::error::is_passing;

/// How long Redis has for a connection, and for the answer to a command.
pub(crate) const ANSWERS_WITHIN: Duration = Duration::from_secs(2);

const TRY_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// A Redis, and how to reach it.
#[derive(Clone)]
pub(crate) struct Server {
    client: Client,
}

impl Server {
    pub(crate) fn parse(url: &str) -> Result<Self, OpenError> {
        let url = redis::parse_redis_url(url).ok_or(OpenError::InvalidUrl)?;
        // A password with a bare `/`, `?` or `#` ends up here, and its first part as a host.
        let rest =
            [url.path(), url.query().unwrap_or_default(), url.fragment().unwrap_or_default()];
        if rest.iter().any(|part| part.contains('@')) {
            return Err(OpenError::InvalidUrl);
        }
        let info = url.into_connection_info().map_err(|_| OpenError::InvalidUrl)?;
        let tcp = info.tcp_settings().clone().set_nodelay(true);
        // Of the third version, as it tells when a connection is lost.
        let redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let client = Client::open(info.set_tcp_settings(tcp).set_redis_settings(redis))
            .map_err(|_| OpenError::InvalidUrl)?;
        Ok(Self { client })
    }

    /// Host and port: what may be shown.
    pub(crate) fn address(&self) -> String {
        self.client.get_connection_info().addr().to_string()
    }

    /// A new connection, under the name that `CLIENT LIST` shows. What comes unasked goes to
    /// `pushes`, the loss of the connection too.
    pub(crate) async fn connect(
        &self,
        name: &str,
        pushes: impl AsyncPushSender,
    ) -> RedisResult<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(ANSWERS_WITHIN))
            .set_response_timeout(Some(ANSWERS_WITHIN))
            .set_push_sender(pushes);
        let mut connection =
            self.client.get_multiplexed_async_connection_with_config(&config).await?;
        cmd("CLIENT").arg("SETNAME").arg(name).exec_async(&mut connection).await?;
        Ok(connection)
    }

    /// Waits until Redis answers; what can't get better by waiting is told at once.
    pub(crate) async fn wait_until_ready(&self, patience: Duration) -> Result<(), OpenError> {
        let deadline = Instant::now() + patience;
        let mut is_first = true;
        while let Err(error) = self.try_once().await {
            let server = self.address();
            if !is_passing(&error) {
                return Err(OpenError::Refused { server, cause: error.into() });
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(OpenError::Unreachable { server, patience, cause: error.into() });
            }
            if is_first {
                tracing::warn!(server, %error, ?patience, "waiting for Redis");
            }
            is_first = false;
            sleep(TRY_AGAIN_AFTER.min(left)).await;
        }
        Ok(())
    }

    async fn try_once(&self) -> RedisResult<()> {
        let mut connection = self.connect("webchat", |_| Ok::<_, ()>(())).await?;
        cmd("PING").exec_async(&mut connection).await
    }
}
