//! The port for signals between instances.

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use webchat_domain::{ConversationId, InstanceId, TurnId, UserId};

use crate::StoreError;

/// A notification for all instances. It contains only ids and must not be trusted: a receiver reads only
/// what belongs to the user in the signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// The user has stopped a turn, which may run on any instance.
    Stop {
        /// The user.
        user_id: UserId,
        /// The conversation.
        conversation_id: ConversationId,
        /// The turn; a later one is not affected.
        turn_id: TurnId,
    },
    /// An entry in the user's list of conversations was added, changed or removed.
    ListChanged {
        /// The user.
        user_id: UserId,
        /// The entry; `None` if many have changed.
        conversation_id: Option<ConversationId>,
    },
    /// Sessions of the user have ended: live connections must read theirs again.
    SessionsEnded {
        /// The user.
        user_id: UserId,
    },
    /// An instance is alive.
    Heartbeat(Heartbeat),
}

/// The announcement that an instance repeats while it is alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// The instance.
    pub instance_id: InstanceId,
    /// The turns that the instance runs or recovers.
    pub turn_ids: Vec<TurnId>,
}

/// Publishes signals to all instances that are subscribed, including the sender.
///
/// Signals are not stored: an instance that is not subscribed or can't be reached misses them.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Signals: Send + Sync {
    /// Publishes a signal once.
    async fn publish(&self, signal: Signal) -> Result<(), StoreError>;

    /// Subscribes to all signals that are published after this call returns. The signals of each sender arrive in
    /// order. Waits until signals can be received. The stream never ends. A subscriber that lags about 1 000 signals
    /// behind loses the oldest ones.
    ///
    /// # Cancel safety
    /// Dropping the future or the stream is safe.
    async fn subscribe(&self) -> Result<BoxStream<'static, Signal>, StoreError>;
}
