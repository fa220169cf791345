//! Signals between instances over Redis Pub/Sub.

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use redis::aio::MultiplexedConnection;
use redis::{Msg, RedisResult, cmd};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};
use tokio_util::task::AbortOnDropHandle;
use webchat_domain::{ConversationId, InstanceId, TurnId, UserId};
use webchat_persistence::{Heartbeat, Signal, Signals, StoreError};

use crate::connection::pool::Pool;
use crate::connection::server::Server;
use crate::connection::subscriber::{self, Subscriber};
use crate::keys::Keys;

/// The number of signals that a subscriber may lag behind before it loses some.
const CHANNEL_CAPACITY: usize = 1_024;

/// The signals between instances. Each instance receives all signals, including its own.
pub struct RedisSignals {
    pool: Pool,
    keys: Keys,
    received: broadcast::Sender<Signal>,
    is_subscribed: watch::Receiver<bool>,
    _listener: AbortOnDropHandle<()>,
}

/// The message format of a signal. Other messages are ignored.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "signal", rename_all = "snake_case", deny_unknown_fields)]
enum SignalMessage {
    Stop { user_id: UserId, conversation_id: ConversationId, turn_id: TurnId },
    ListChanged { user_id: UserId, conversation_id: Option<ConversationId> },
    SessionsEnded { user_id: UserId },
    Heartbeat { instance_id: InstanceId, turn_ids: Vec<TurnId> },
}

/// The receiver of the signals in this process. Signals that are published while its connection is lost are not
/// received.
struct SignalListener {
    keys: Keys,
    received: broadcast::Sender<Signal>,
    is_subscribed: watch::Sender<bool>,
}

impl RedisSignals {
    pub(crate) fn new(server: Server, pool: Pool, keys: Keys) -> Self {
        let received = broadcast::Sender::new(CHANNEL_CAPACITY);
        let (sender, is_subscribed) = watch::channel(false);
        let listener = SignalListener {
            keys: keys.clone(),
            received: received.clone(),
            is_subscribed: sender,
        };
        let listener = subscriber::spawn(server, listener);
        Self { pool, keys, received, is_subscribed, _listener: listener }
    }
}

#[async_trait]
impl Signals for RedisSignals {
    async fn publish(&self, signal: Signal) -> Result<(), StoreError> {
        let signal =
            serde_json::to_string(&SignalMessage::from(signal)).map_err(StoreError::fault)?;
        self.pool.query(cmd("PUBLISH").arg(self.keys.signals()).arg(signal)).await
    }

    async fn subscribe(&self) -> Result<BoxStream<'static, Signal>, StoreError> {
        let received = self.received.subscribe();
        let mut is_subscribed = self.is_subscribed.clone();
        is_subscribed.wait_for(|is_subscribed| *is_subscribed).await.map_err(StoreError::fault)?;
        let next = |mut received| async { Some((next_signal(&mut received).await?, received)) };
        Ok(stream::unfold(received, next).boxed())
    }
}

async fn next_signal(received: &mut broadcast::Receiver<Signal>) -> Option<Signal> {
    loop {
        match received.recv().await {
            Ok(signal) => return Some(signal),
            Err(RecvError::Lagged(lost)) => {
                tracing::warn!(lost, "subscriber lagged behind and lost signals");
            }
            Err(RecvError::Closed) => return None,
        }
    }
}

#[async_trait]
impl Subscriber for SignalListener {
    const CONNECTION_NAME: &'static str = "webchat-signals";

    fn receive(&self, message: &Msg) {
        if let Some(signal) = parse(message) {
            // Without subscribers, the signal is dropped.
            let _ = self.received.send(signal);
        }
    }

    async fn subscribe(&self, connection: &mut MultiplexedConnection) -> RedisResult<()> {
        connection.subscribe(self.keys.signals()).await?;
        self.is_subscribed.send_replace(true);
        Ok(())
    }

    fn disconnected(&self) {
        self.is_subscribed.send_replace(false);
    }
}

fn parse(message: &Msg) -> Option<Signal> {
    serde_json::from_slice::<SignalMessage>(message.get_payload_bytes())
        .inspect_err(|error| tracing::warn!(%error, "ignored invalid signal"))
        .ok()
        .map(Signal::from)
}

impl From<Signal> for SignalMessage {
    fn from(signal: Signal) -> Self {
        match signal {
            Signal::Stop { user_id, conversation_id, turn_id } => {
                Self::Stop { user_id, conversation_id, turn_id }
            }
            Signal::ListChanged { user_id, conversation_id } => {
                Self::ListChanged { user_id, conversation_id }
            }
            Signal::SessionsEnded { user_id } => Self::SessionsEnded { user_id },
            Signal::Heartbeat(Heartbeat { instance_id, turn_ids }) => {
                Self::Heartbeat { instance_id, turn_ids }
            }
        }
    }
}

impl From<SignalMessage> for Signal {
    fn from(message: SignalMessage) -> Self {
        match message {
            SignalMessage::Stop { user_id, conversation_id, turn_id } => {
                Self::Stop { user_id, conversation_id, turn_id }
            }
            SignalMessage::ListChanged { user_id, conversation_id } => {
                Self::ListChanged { user_id, conversation_id }
            }
            SignalMessage::SessionsEnded { user_id } => Self::SessionsEnded { user_id },
            SignalMessage::Heartbeat { instance_id, turn_ids } => {
                Self::Heartbeat(Heartbeat { instance_id, turn_ids })
            }
        }
    }
}
