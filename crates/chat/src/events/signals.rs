//! Receives the signals of all instances, including this one.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use webchat_persistence::{Signal, StoreError};

use crate::runtime::core::Core;
use crate::runtime::periodic::repeat_forever;
use crate::turns::recovery::liveness::Liveness;
use crate::turns::registry::RunningTurns;

/// The delay before subscribing again after the subscription has ended or failed.
const RESUBSCRIBE_DELAY: Duration = Duration::from_secs(1);

/// Receives signals until the future is dropped.
pub(crate) async fn receive_signals(
    core: Arc<Core>,
    running: Arc<RunningTurns>,
    liveness: Arc<Liveness>,
) {
    // Each run lasts as long as the subscription.
    let run = || subscribe_and_receive(&core, &running, &liveness);
    repeat_forever("failed to receive signals", RESUBSCRIBE_DELAY, run).await;
}

/// Receives signals until the subscription ends.
async fn subscribe_and_receive(
    core: &Core,
    running: &RunningTurns,
    liveness: &Liveness,
) -> Result<(), StoreError> {
    let mut signals = core.ports.signals.subscribe().await?;
    while let Some(signal) = signals.next().await {
        match signal {
            Signal::Stop { user_id, conversation_id, turn_id } => {
                running.stop_turn(user_id, conversation_id, turn_id);
            }
            Signal::ListChanged { user_id, conversation_id } => {
                core.lists.notify(user_id, conversation_id);
            }
            Signal::SessionsEnded { user_id } => {
                // Without live connections, nobody receives it.
                let _ = core.ended_sessions.send(user_id);
            }
            Signal::Heartbeat(heartbeat) => liveness.record(heartbeat),
        }
    }
    Ok(())
}
