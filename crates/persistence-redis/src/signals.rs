use std::convert::Infallible;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use redis::aio::MultiplexedConnection;
use redis::{Msg, PushInfo, PushKind, RedisResult, cmd};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, broadcast, watch};
use tokio::time::{Instant, interval};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};
use webchat_domain::{ConversationId, TurnId, UserId};
use webchat_persistence::{Signal, Signals, StoreError};

use crate::RedisStore;
use crate::backoff::{Backoff, HEARTBEAT, closed};

/// How far a listener may be behind.
const BEHIND: usize = 1_024;

/// Signals by way of Redis: what one instance sends, all of them hear.
pub struct RedisSignals {
    store: RedisStore,
    heard: broadcast::Sender<Signal>,
    is_subscribed: watch::Receiver<bool>,
    _hearing: AbortOnDropHandle<()>,
}

/// A signal as it crosses Redis. Whatever else comes by there is none.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "signal", rename_all = "snake_case", deny_unknown_fields)]
enum Wire {
    Stop { user_id: UserId, conversation_id: ConversationId, turn_id: TurnId },
    ListChanged { user_id: UserId, conversation_id: Option<ConversationId> },
}

/// The one connection by which this process hears signals.
struct Hearing {
    store: RedisStore,
    heard: broadcast::Sender<Signal>,
    is_subscribed: watch::Sender<bool>,
}

impl RedisSignals {
    pub(crate) fn new(store: RedisStore) -> Self {
        let heard = broadcast::Sender::new(BEHIND);
        let is_subscribed = watch::Sender::new(false);
        let watched = is_subscribed.subscribe();
        let hearing = Hearing { store: store.clone(), heard: heard.clone(), is_subscribed };
        let hearing = AbortOnDropHandle::new(TaskTracker::new().spawn(hearing.run()));
        Self { store, heard, is_subscribed: watched, _hearing: hearing }
    }
}

#[async_trait]
impl Signals for RedisSignals {
    async fn publish(&self, signal: Signal) -> Result<(), StoreError> {
        let signal = serde_json::to_string(&Wire::from(signal)).map_err(StoreError::fault)?;
        let channel = self.store.keys.signals();
        self.store.pool.query(cmd("PUBLISH").arg(channel).arg(signal)).await
    }

    async fn subscribe(&self) -> Result<BoxStream<'static, Signal>, StoreError> {
        let heard = self.heard.subscribe();
        let mut is_subscribed = self.is_subscribed.clone();
        is_subscribed.wait_for(|is_subscribed| *is_subscribed).await.map_err(StoreError::fault)?;
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

impl Hearing {
    /// Never ends. A connection that breaks is made again; what was sent meanwhile is not heard.
    async fn run(self) {
        let mut backoff = Backoff::new();
        loop {
            let began = Instant::now();
            let Err(error) = self.hear().await;
            self.is_subscribed.send_replace(false);
            backoff.wait(&self.store.server, began.elapsed(), &error).await;
        }
    }

    async fn hear(&self) -> RedisResult<Infallible> {
        let lost = Arc::new(Notify::new());
        let mut connection = self.connect(&lost).await?;
        connection.subscribe(self.store.keys.signals()).await?;
        self.is_subscribed.send_replace(true);
        let mut heartbeat = interval(HEARTBEAT);
        loop {
            tokio::select! {
                () = lost.notified() => return Err(closed()),
                // A connection whose other end is gone says nothing by itself.
                _ = heartbeat.tick() => cmd("PING").exec_async(&mut connection).await?,
            }
        }
    }

    async fn connect(&self, lost: &Arc<Notify>) -> RedisResult<MultiplexedConnection> {
        let (lost, heard) = (Arc::clone(lost), self.heard.clone());
        let hear = move |push: PushInfo| {
            if push.kind == PushKind::Disconnection {
                lost.notify_one();
            }
            if let Some(signal) = read(push) {
                // Where nobody listens, nobody is to be told.
                let _ = heard.send(signal);
            }
            Ok::<_, Infallible>(())
        };
        self.store.server.connect("webchat-signals", hear).await
    }
}

/// What a message on our one channel says.
fn read(push: PushInfo) -> Option<Signal> {
    let message = Msg::from_push_info(push)?;
    serde_json::from_slice::<Wire>(message.get_payload_bytes())
        .inspect_err(|error| tracing::warn!(%error, "what came by Redis is no signal"))
        .ok()
        .map(Signal::from)
}

impl From<Signal> for Wire {
    fn from(signal: Signal) -> Self {
        match signal {
            Signal::Stop { user_id, conversation_id, turn_id } => {
                Self::Stop { user_id, conversation_id, turn_id }
            }
            Signal::ListChanged { user_id, conversation_id } => {
                Self::ListChanged { user_id, conversation_id }
            }
        }
    }
}

impl From<Wire> for Signal {
    fn from(wire: Wire) -> Self {
        match wire {
            Wire::Stop { user_id, conversation_id, turn_id } => {
                Self::Stop { user_id, conversation_id, turn_id }
            }
            Wire::ListChanged { user_id, conversation_id } => {
                Self::ListChanged { user_id, conversation_id }
            }
        }
    }
}
