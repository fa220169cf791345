//! Rules for the events that a turn log keeps.

use webchat_domain::{EventBody, TurnId};

/// The minimum number of events of ended turns that are kept. The events of a running turn are all kept.
pub const KEPT_EVENTS: usize = 1_024;

/// The maximum number of events in one append.
pub const MAX_APPENDED_EVENTS: usize = 16;

/// The number of newest events among which an append looks for duplicates. At least 16 other events may be appended
/// between two attempts of an append.
pub const DEDUPLICATION_WINDOW: usize = MAX_APPENDED_EVENTS + 16;

/// The first or the last event of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnBoundary {
    /// The turn begins with this event.
    Begin(TurnId),
    /// The turn ends with this event.
    End(TurnId),
}

/// Returns the turn that begins or ends with the event.
#[must_use]
pub fn turn_boundary(body: &EventBody) -> Option<TurnBoundary> {
    match body {
        EventBody::MessageAccepted(accepted) => Some(TurnBoundary::Begin(accepted.turn_id)),
        EventBody::TokenUsage(usage) => Some(TurnBoundary::End(usage.turn_id)),
        _ => None,
    }
}
