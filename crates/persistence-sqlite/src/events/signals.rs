use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use webchat_persistence::{Signal, Signals, StoreError};

/// How far a listener may be behind.
const BEHIND: usize = 1_024;

/// Signals within this process, for the one instance that a SQLite file serves.
pub struct LocalSignals {
    sent: broadcast::Sender<Signal>,
}

impl LocalSignals {
    /// Signals that nobody hears yet.
    #[must_use]
    pub fn new() -> Self {
        Self { sent: broadcast::Sender::new(BEHIND) }
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
        // Where nobody listens, nobody is to be told.
        let _ = self.sent.send(signal);
        Ok(())
    }

    async fn subscribe(&self) -> Result<BoxStream<'static, Signal>, StoreError> {
        let heard = self.sent.subscribe();
        Ok(stream::unfold(heard, |mut heard| async { Some((next(&mut heard).await?, heard)) })
            .boxed())
    }
}

async fn next(heard: &mut broadcast::Receiver<Signal>) -> Option<Signal> {
    loop {
        match heard.recv().await {
            Ok(signal) => return Some(signal),
            Err(RecvError::Lagged(lost)) => tracing::warn!(lost, "signals were lost"),
            Err(RecvError::Closed) => return None,
        }
    }
}
