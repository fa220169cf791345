//! Versions of a message, and the selection of the visible one.

use webchat_domain::{MessageId, Role};

/// The outcome of selecting a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelectOutcome {
    /// The message is visible.
    Visible {
        /// Whether it was hidden before.
        changed: bool,
    },
    /// A turn runs; nothing was changed.
    TurnInProgress,
    /// The user has no such conversation, or it has no such message.
    NotFound,
}

/// A message and its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChildMessage {
    /// The message.
    pub message_id: MessageId,
    /// Its parent; `None` for a first message.
    pub parent_id: Option<MessageId>,
    /// Its author.
    pub role: Role,
}
