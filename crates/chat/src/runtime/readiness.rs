//! Checks whether the server can serve requests.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use thiserror::Error;
use tokio::time::{Instant, timeout};
use webchat_domain::error_chain;
use webchat_persistence::Probe;

/// The timeout for a store to respond.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);

/// The minimum time between two checks: each one writes to the stores.
const MIN_INTERVAL: Duration = Duration::from_secs(1);

/// The reason why the server should receive no new requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotReady {
    /// The server is shutting down.
    #[error("The server is shutting down.")]
    ShuttingDown,
    /// A store doesn't respond, or can't be written to.
    #[error("{0} is unavailable.")]
    Store(&'static str),
}

/// Checks the stores at most once per [`MIN_INTERVAL`], regardless of the number of calls.
#[derive(Default)]
pub(crate) struct ReadinessCheck(Mutex<Option<StartedCheck>>);

type SharedResult = Shared<BoxFuture<'static, Result<(), NotReady>>>;

/// A check that is running or has ended.
struct StartedCheck {
    started: Instant,
    result: SharedResult,
}

impl ReadinessCheck {
    /// Returns the result of the latest check, or starts a new check if that is too old. Each store has
    /// [`PROBE_TIMEOUT`] to respond.
    pub(super) fn latest(&self, probes: &[Arc<dyn Probe>]) -> SharedResult {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = latest.as_ref().filter(|check| check.started.elapsed() < MIN_INTERVAL);
        if let Some(recent) = recent {
            return recent.result.clone();
        }
        let result = check(probes.to_vec()).boxed().shared();
        *latest = Some(StartedCheck { started: Instant::now(), result: result.clone() });
        result
    }
}

async fn check(probes: Vec<Arc<dyn Probe>>) -> Result<(), NotReady> {
    for probe in probes {
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

#[cfg(test)]
mod tests {
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
    async fn a_server_is_ready_if_its_stores_respond() {
        let test = chat_with_probe(Ok(())).await;

        assert_eq!(test.chat.readiness().await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn an_unavailable_store_makes_the_server_not_ready() {
        let test = chat_with_probe(Err(StoreError::unavailable("refused"))).await;

        assert_eq!(test.chat.readiness().await, Err(NotReady::Store("Redis")));
    }

    #[tokio::test(start_paused = true)]
    async fn the_stores_are_checked_at_most_once_a_second() {
        let mut probe = MockProbe::new();
        probe.expect_check().times(2).returning(|| Ok(()));
        let test = TestChat::new().await.with_ports(|ports| ports.probes = vec![Arc::new(probe)]);

        for _ in 0..100 {
            let (first, second) = tokio::join!(test.chat.readiness(), test.chat.readiness());
            assert_eq!((first, second), (Ok(()), Ok(())));
        }
        tokio::time::advance(MIN_INTERVAL).await;

        assert_eq!(test.chat.readiness().await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_shuts_down_is_not_ready() {
        let test = chat_with_probe(Ok(())).await;

        test.chat.shutdown(Duration::ZERO).await;

        assert_eq!(test.chat.readiness().await, Err(NotReady::ShuttingDown));
    }
}
