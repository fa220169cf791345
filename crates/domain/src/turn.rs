//! The reasons why turns end, and the tokens that they use.

use serde::{Deserialize, Serialize};

use crate::MessageStatus;

/// The reason why an answer ended.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The model finished.
    Stop,
    /// The answer reached its length limit.
    Length,
    /// The model's provider filtered the answer.
    ContentFilter,
    /// The user stopped the answer.
    Stopped,
    /// The server stopped before the answer was complete.
    Interrupted,
    /// The model gave no answer, or the answer was interrupted by an error.
    Failed,
}

impl FinishReason {
    /// All reasons.
    pub const ALL: [Self; 6] = [
        Self::Stop,
        Self::Length,
        Self::ContentFilter,
        Self::Stopped,
        Self::Interrupted,
        Self::Failed,
    ];

    /// Returns the name in the wire format.
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

    /// Returns the reason that corresponds to a status. A filtered answer has the status of a failed one.
    #[must_use]
    pub fn from_status(status: MessageStatus) -> Self {
        match status {
            MessageStatus::Complete => Self::Stop,
            MessageStatus::Truncated => Self::Length,
            MessageStatus::Stopped => Self::Stopped,
            MessageStatus::Interrupted => Self::Interrupted,
            MessageStatus::Failed => Self::Failed,
        }
    }

    /// Returns the status of an answer that ended for this reason.
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

/// How the tokens of the model's context window are used in the request for an answer. The counts include the tokens
/// that the chat format adds.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// The model's context window.
    pub window: u32,
    /// The tokens that are reserved for the answer.
    pub reserved: u32,
    /// The system prompt.
    pub system: u32,
    /// The few-shot examples.
    pub few_shot: u32,
    /// The summary of older messages; 0 if none was sent.
    pub summary: u32,
    /// The position of the last message that the summary covers; 0 if none was sent.
    pub summary_through: u64,
    /// The messages.
    pub history: u32,
    /// The total, including `reserved`. It never exceeds `window`.
    pub total: u32,
    /// The number of older messages that did not fit and that the summary does not cover.
    pub left_out_messages: u64,
}
