//! Signals within the process.

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use webchat_persistence::{Signal, Signals, StoreError};

/// How many signals a listener may lag behind.
const CHANNEL_CAPACITY: usize = 1_024;

/// Signals within this process, for the one instance that a SQLite file serves.
pub struct LocalSignals {
    sender: broadcast::Sender<Signal>,
}

impl LocalSignals {
    /// Creates a channel without listeners.
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
        // Fails only without listeners.
        let _ = self.sender.send(signal);
        Ok(())
    }

    async fn subscribe(&self) -> Result<BoxStream<'static, Signal>, StoreError> {
        let receiver = self.sender.subscribe();
        Ok(stream::unfold(receiver, |mut receiver| async {
            Some((next(&mut receiver).await?, receiver))
        })
        .boxed())
    }
}

async fn next(receiver: &mut broadcast::Receiver<Signal>) -> Option<Signal> {
    loop {
        match receiver.recv().await {
            Ok(signal) => return Some(signal),
            Err(RecvError::Lagged(lost)) => {
                tracing::warn!(lost, "listener lagged behind and lost signals");
            }
            Err(RecvError::Closed) => return None,
        }
    }
}
