use serde::{Deserialize, Serialize};

use crate::MessageStatus;

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The model was done.
    Stop,
    /// The model ran into its length limit.
    Length,
    /// The model's provider filtered the answer.
    ContentFilter,
    /// The user ended it.
    Stopped,
    /// The server went away.
    Interrupted,
    /// The model gave no answer, or broke off.
    Failed,
}

impl FinishReason {
    /// The status of a message that ended so.
    #[must_use]
    pub fn status(self) -> MessageStatus {
        match self {
            Self::Stop => MessageStatus::Complete,
            Self::Length => MessageStatus::Truncated,
            Self::Stopped => MessageStatus::Stopped,
            Self::Interrupted => MessageStatus::Interrupted,
            Self::ContentFilter | Self::Failed => MessageStatus::Failed,
        }
    }
}

/// What of a conversation was sent to the model, in tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// The model's window.
    pub window: u32,
    /// Kept free for the answer.
    pub reserved: u32,
    /// The messages sent, with what the chat format adds to them.
    pub history: u32,
    /// `reserved` and `history` together: never more than `window`.
    pub total: u32,
    /// Older messages that were not sent, as they did not fit.
    pub left_out_messages: u64,
}
