//! Violations of the limits and rules of a WebSocket.

use std::cell::Cell;
use std::rc::Rc;

use crate::realtime::close_reason::CloseReason;

/// The close reason if there is no memory for a client's message.
pub(crate) const SERVER_BUSY: &str = "the server has no memory for this message: try again later";

/// A violation of the protocol or of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    /// A frame or a fragmented message is too large.
    TooLarge,
    /// A frame has a reserved bit set, but no extension uses it.
    ReservedBits,
    /// The client sends too many control frames and small fragments.
    TooManyFrames,
    /// A message arrives too slowly.
    TooSlow,
    /// There is no memory for the message.
    MemoryExceeded,
}

impl From<Violation> for CloseReason {
    fn from(violation: Violation) -> Self {
        match violation {
            Violation::TooLarge => Self::MessageTooLarge,
            Violation::ReservedBits => Self::ProtocolError,
            Violation::TooManyFrames => Self::TooManyMessages,
            Violation::TooSlow => Self::TimedOut,
            Violation::MemoryExceeded => Self::ServerBusy,
        }
    }
}

/// The first violation of a client, shared with the stream that detects it.
#[derive(Clone, Debug, Default)]
pub(crate) struct FirstViolation(Rc<Cell<Option<Violation>>>);

impl FirstViolation {
    pub(crate) fn get(&self) -> Option<Violation> {
        self.0.get()
    }

    pub(super) fn set(&self, violation: Violation) {
        self.0.set(Some(violation));
    }
}
