use async_trait::async_trait;
use futures_util::stream::BoxStream;
use webchat_domain::{ConversationId, TurnId, UserId};

use crate::StoreError;

/// What every instance should know at once. It holds no content, and is no proof of anything: whoever
/// hears it asks the store, for the owner it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// The owner wants no more of a turn, wherever it runs.
    Stop {
        /// Who wants that.
        user_id: UserId,
        /// Where it runs.
        conversation_id: ConversationId,
        /// The turn: one that begins later goes on.
        turn_id: TurnId,
    },
    /// An entry in the owner's list of conversations is new, changed or gone.
    ListChanged {
        /// Whose list.
        user_id: UserId,
        /// Which entry; `None`: many of them.
        conversation_id: Option<ConversationId>,
    },
}

/// Carries signals to all instances that listen, the one that sends them too.
///
/// Signals are live only: who was not listening, or could not be reached, never hears of it.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Signals: Send + Sync {
    /// Sends a signal, once.
    async fn publish(&self, signal: Signal) -> Result<(), StoreError>;

    /// All signals that are sent after this has answered, in each sender's order. It waits for as
    /// long as nothing can be heard. The stream never ends; a listener that is some 1 000 signals
    /// behind loses the oldest.
    ///
    /// # Cancellation
    /// Dropping the future or the stream is safe.
    async fn subscribe(&self) -> Result<BoxStream<'static, Signal>, StoreError>;
}
