//! Signals within the process.

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use webchat_persistence::{Signal, Signals, StoreError};

/// The number of signals that a subscriber may lag behind before it loses the oldest ones.
const CHANNEL_CAPACITY: usize = 1_024;

/// Signals within this process, for the one instance that a SQLite file serves.
pub struct LocalSignals {
    sender: broadcast::Sender<Signal>,
}

impl LocalSignals {
    /// Creates a channel without subscribers.
    #[must_use]
    pub fn new() -> Self {
        Self { sender: broadcast::Sender::new(CHANNEL_CAPACITY) }
    }
}

impl Default for LocalSignals {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Signals for LocalSignals {
    async fn publish(&self, signal: Signal) -> Result<(), StoreError> {
        // Fails only if there are no subscribers.
        let _ = self.sender.send(signal);
        Ok(())
    }

    async fn subscribe(&self) -> Result<BoxStream<'static, Signal>, StoreError> {
        let receiver = self.sender.subscribe();
        Ok(stream::unfold(receiver, |mut receiver| async {
            Some((next_signal(&mut receiver).await?, receiver))
        })
        .boxed())
    }
}

async fn next_signal(receiver: &mut broadcast::Receiver<Signal>) -> Option<Signal> {
    loop {
        match receiver.recv().await {
            Ok(signal) => return Some(signal),
            Err(RecvError::Lagged(lost)) => {
                tracing::warn!(lost, "subscriber lagged behind and lost signals");
            }
            Err(RecvError::Closed) => return None,
        }
    }
}
