//! How clients violate the limits and rules of its WebSocket.

use std::cell::Cell;
use std::rc::Rc;

/// The close reason when there is no memory for a client's message.
pub(crate) const SERVER_BUSY: &str = "the server has no memory for this message: try again later";

/// How a client violated the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    /// A frame or a fragmented message is too large.
    TooLarge,
    /// A frame has a reserved bit set, though no extension uses it.
    ReservedBits,
    /// The client sends too many control frames and small fragments.
    TooManyFrames,
    /// A message arrives too slowly.
    TooSlow,
    /// There is no memory for the message.
    MemoryExceeded,
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
