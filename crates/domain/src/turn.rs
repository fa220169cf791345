use serde::{Deserialize, Serialize};

use crate::MessageStatus;

/// Why an answer ended.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
    /// Its name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ContentFilter => "content_filter",
            Self::Stopped => "stopped",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
        }
    }

    /// Why a message with this status ended, as far as the status says it.
    #[must_use]
    pub fn of(status: MessageStatus) -> Self {
        match status {
            MessageStatus::Complete => Self::Stop,
            MessageStatus::Truncated => Self::Length,
            MessageStatus::Stopped => Self::Stopped,
            MessageStatus::Interrupted => Self::Interrupted,
            MessageStatus::Failed => Self::Failed,
        }
    }

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

/// What was sent to the model for an answer, in tokens. Each part is counted with what the chat format
/// adds to it.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// The model's window.
    pub window: u32,
    /// Kept free for the answer.
    pub reserved: u32,
    /// The system prompt.
    pub system: u32,
    /// The examples.
    pub few_shot: u32,
    /// The summary of older messages; 0 when none was sent.
    pub summary: u32,
    /// The position of the last message that the summary covers; 0 when none was sent.
    pub summary_through: u64,
    /// The messages.
    pub history: u32,
    /// All of the parts together: never more than `window`.
    pub total: u32,
    /// Older messages that were neither sent nor covered by the summary, as they did not fit.
    pub left_out_messages: u64,
}
