//! The source of a turn.

use webchat_domain::{Message, MessageId};

use crate::error::ChatError;

/// The source of a turn.
pub(super) enum TurnSource {
    /// A new question, or another version of one.
    Question { content: String, expected_position: Option<u64>, version_of: Option<MessageId> },
    /// An existing question to answer again.
    Regeneration { question: Message, answer_id: MessageId },
    /// An existing question with an answer to continue, or to generate again in place.
    Continuation { question: Message, answer: Box<Message>, is_retry: bool },
}

impl TurnSource {
    pub(super) fn existing_question(&self) -> Option<&Message> {
        match self {
            Self::Question { .. } => None,
            Self::Regeneration { question, .. } | Self::Continuation { question, .. } => {
                Some(question)
            }
        }
    }

    pub(super) fn is_new_question(&self) -> bool {
        matches!(self, Self::Question { version_of: None, .. })
    }

    /// Returns whether the turn makes other versions of messages visible.
    pub(super) fn is_branch(&self) -> bool {
        match self {
            Self::Question { version_of, .. } => version_of.is_some(),
            Self::Regeneration { .. } => true,
            Self::Continuation { .. } => false,
        }
    }

    /// Fails if the client has used the same id for another text, because the second text is not stored.
    pub(super) fn check_duplicate(&self, stored: &Message) -> Result<(), ChatError> {
        match self {
            Self::Question { content, .. } if *content != stored.content => {
                Err(ChatError::IdempotencyKeyReused)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn conflict_error(&self, position: u64) -> ChatError {
        match self {
            Self::Continuation { is_retry: false, .. } => ChatError::NothingToContinue,
            _ => ChatError::PositionConflict { position },
        }
    }
}
