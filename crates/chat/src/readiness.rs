use std::time::Duration;

use thiserror::Error;
use tokio::time::timeout;

use crate::core::Core;
use crate::fault::cause;

/// How long a store has to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Why the server should get no new requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotReady {
    /// It goes away.
    #[error("The server is going away.")]
    ShuttingDown,
    /// A store does not answer.
    #[error("{0} does not answer.")]
    Store(&'static str),
}

impl Core {
    /// Whether the server can do its work, within 3 seconds a store.
    ///
    /// # Errors
    /// Why it can't.
    pub(crate) async fn readiness(&self) -> Result<(), NotReady> {
        if self.running.is_shutting_down() {
            return Err(NotReady::ShuttingDown);
        }
        for probe in &self.ports.probes {
            match timeout(PATIENCE, probe.check()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::warn!(store = probe.name(), error = cause(&error), "not ready");
                    return Err(NotReady::Store(probe.name()));
                }
                Err(_) => {
                    tracing::warn!(store = probe.name(), "not ready: no answer in time");
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
    use crate::testing::Room;

    async fn room_with_probe(result: Result<(), StoreError>) -> Room {
        let mut probe = MockProbe::new();
        probe.expect_name().return_const("Redis");
        probe.expect_check().return_once(|| result);
        Room::open().await.on(|ports| ports.probes.push(Arc::new(probe)))
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_whose_stores_answer_is_ready() {
        let room = room_with_probe(Ok(())).await;

        assert_eq!(room.chat.readiness().await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_is_away_is_named() {
        let room = room_with_probe(Err(StoreError::unavailable("refused"))).await;

        assert_eq!(room.chat.readiness().await, Err(NotReady::Store("Redis")));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_goes_away_is_not_ready() {
        let room = room_with_probe(Ok(())).await;

        room.chat.shutdown(Duration::ZERO).await;

        assert_eq!(room.chat.readiness().await, Err(NotReady::ShuttingDown));
    }
}
