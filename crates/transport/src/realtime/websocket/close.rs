//! Why the server closes a WebSocket (RFC 6455, section 7.4.1).

use actix_ws::{CloseCode, CloseReason, ProtocolError};

use super::violation::{SERVER_BUSY, Violation};
use crate::realtime::client::TOO_MANY_MESSAGES;

pub(super) fn close_reason(code: CloseCode, description: &str) -> CloseReason {
    CloseReason { code, description: Some(description.to_owned()) }
}

pub(super) fn reason_of_error(error: &ProtocolError) -> CloseReason {
    match error {
        ProtocolError::Overflow => reason_of_violation(Violation::TooLarge),
        ProtocolError::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            close_reason(CloseCode::Invalid, "text must be UTF-8")
        }
        error => close_reason(CloseCode::Protocol, &error.to_string()),
    }
}

pub(super) fn reason_of_violation(violation: Violation) -> CloseReason {
    match violation {
        Violation::TooLarge => close_reason(CloseCode::Size, "message too large"),
        Violation::TooManyFrames => close_reason(CloseCode::Policy, TOO_MANY_MESSAGES),
        Violation::TooSlow => close_reason(CloseCode::Policy, "message too slow"),
        Violation::MemoryExceeded => close_reason(CloseCode::Again, SERVER_BUSY),
        Violation::ReservedBits => {
            close_reason(CloseCode::Protocol, "reserved bits must not be set")
        }
    }
}
