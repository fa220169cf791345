//! Sends the heartbeats of this instance.

use std::time::Duration;

use tokio::time::{sleep, timeout};
use webchat_domain::error_chain;
use webchat_persistence::{Heartbeat, Signal, StoreError};

use super::liveness::HEARTBEAT_INTERVAL;
use crate::runtime::periodic::repeat_forever;
use crate::turns::service::Turns;

/// The pause after a heartbeat. Then the next one is sent as soon as a turn starts, at the latest after the interval.
const MIN_PAUSE: Duration = Duration::from_millis(25);
const MAX_WAIT: Duration = HEARTBEAT_INTERVAL.saturating_sub(MIN_PAUSE);

impl Turns {
    /// Sends heartbeats until the future is dropped: when a turn starts, and regularly while turns run on any instance.
    pub(crate) async fn send_heartbeats(self) {
        let interval_passed = || async {
            self.liveness.wait_for_turns(&self.running.turn_ids()).await;
            sleep(MAX_WAIT).await;
        };
        let send = || async {
            tokio::select! {
                () = self.running.turn_started() => {}
                () = interval_passed() => {}
            }
            self.send_heartbeat().await
        };
        repeat_forever("failed to send heartbeats", MIN_PAUSE, send).await;
    }

    /// Sends a heartbeat if one is needed. A slow one must not delay the next.
    async fn send_heartbeat(&self) -> Result<(), StoreError> {
        let turn_ids = self.running.turn_ids();
        if !self.liveness.is_needed(&turn_ids) {
            return Ok(());
        }
        let heartbeat = Heartbeat { instance_id: self.liveness.instance_id, turn_ids };
        let publication = self.core.ports.signals.publish(Signal::Heartbeat(heartbeat));
        match timeout(HEARTBEAT_INTERVAL, publication).await {
            Ok(Ok(())) => {}
            // The loss of the connection is logged by its owner.
            Ok(Err(error)) => {
                tracing::debug!(error = error_chain(&error), "failed to publish heartbeat");
            }
            Err(_) => tracing::debug!("heartbeat timed out"),
        }
        Ok(())
    }
}
