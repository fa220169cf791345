//! The result of starting a turn.

use std::sync::Arc;

use webchat_domain::{Event, MessageAccepted};

/// The result of starting a turn: by a new or edited question, or by regenerating or continuing an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The message is stored and its turn has started. This event was published to all subscribers.
    Accepted(Arc<Event>),
    /// The message is a duplicate: this is the first result, and no turn was started.
    Duplicate(MessageAccepted),
}
