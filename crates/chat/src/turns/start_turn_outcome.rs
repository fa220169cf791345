//! The outcome of starting a turn.

use std::sync::Arc;

use webchat_domain::{Event, MessageAccepted};

/// The outcome of starting a turn by a new or edited question, or by regenerating or continuing an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartTurnOutcome {
    /// The message is stored and its turn has started. Contains the event that was published.
    Accepted(Arc<Event>),
    /// The message is a duplicate, and no turn was started. Contains the acceptance of the original message.
    Duplicate(MessageAccepted),
}
