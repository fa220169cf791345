//! Checks whether the server can serve requests.

use std::time::Duration;

use thiserror::Error;
use tokio::time::timeout;

use super::core::Core;
use super::error_chain::error_chain;

/// How long a store has to answer.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);

/// Why the server should receive no new requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotReady {
    /// The server is shutting down.
    #[error("The server is shutting down.")]
    ShuttingDown,
    /// A store doesn't answer.
    #[error("{0} does not answer.")]
    Store(&'static str),
}

impl Core {
    /// Checks whether the server can serve requests, within [`PROBE_TIMEOUT`] per store.
    pub(crate) async fn readiness(&self) -> Result<(), NotReady> {
        if self.lifecycle.is_draining() {
            return Err(NotReady::ShuttingDown);
        }
        for probe in &self.ports.probes {
            match timeout(PROBE_TIMEOUT, probe.check()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    let error = error_chain(&error);
                    tracing::warn!(store = probe.name(), error, "readiness check failed");
                    return Err(NotReady::Store(probe.name()));
                }
                Err(_) => {
                    tracing::warn!(store = probe.name(), "readiness check timed out");
                    return Err(NotReady::Store(probe.name()));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use webchat_persistence::{MockProbe, StoreError};

    use super::*;
    use crate::testing::TestChat;

    async fn chat_with_probe(result: Result<(), StoreError>) -> TestChat {
        let mut probe = MockProbe::new();
        probe.expect_name().return_const("Redis");
        probe.expect_check().return_once(|| result);
        TestChat::new().await.with_ports(|ports| ports.probes.push(Arc::new(probe)))
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_is_ready_if_its_stores_answer() {
        let test = chat_with_probe(Ok(())).await;

        assert_eq!(test.chat.readiness().await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn an_unavailable_store_makes_the_server_not_ready() {
        let test = chat_with_probe(Err(StoreError::unavailable("refused"))).await;

        assert_eq!(test.chat.readiness().await, Err(NotReady::Store("Redis")));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_shuts_down_is_not_ready() {
        let test = chat_with_probe(Ok(())).await;

        test.chat.shutdown(Duration::ZERO).await;

        assert_eq!(test.chat.readiness().await, Err(NotReady::ShuttingDown));
    }
}
