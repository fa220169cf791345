//! The close of a WebSocket (RFC 6455, section 7.4.1).

use actix_ws::{CloseCode, CloseReason as CloseFrame, ProtocolError};

use super::violation::{SERVER_BUSY, Violation};
use crate::realtime::client::TOO_MANY_MESSAGES;
use crate::realtime::close_reason::CloseReason;
use crate::realtime::session_end::{SESSION_ENDED, SESSION_ENDED_CODE};

const NOT_UTF8: &str = "text must be UTF-8";

/// The reason why a WebSocket is closed, and the close frame for its client.
pub(super) struct Close {
    pub(super) reason: CloseReason,
    pub(super) frame: Option<CloseFrame>,
}

impl Close {
    /// Returns the close of a WebSocket whose client has disconnected or has sent this frame.
    pub(super) fn by_client(frame: Option<CloseFrame>) -> Self {
        Self { reason: CloseReason::ClientClosed, frame }
    }

    pub(super) fn session_ended() -> Self {
        Self::new(CloseReason::SessionEnded, SESSION_ENDED_CODE, SESSION_ENDED)
    }

    pub(super) fn server_restart() -> Self {
        let description = "the server restarts: connect again";
        Self::new(CloseReason::ServerRestart, CloseCode::Restart, description)
    }

    pub(super) fn idle() -> Self {
        Self::new(CloseReason::TimedOut, CloseCode::Away, "idle timeout")
    }

    pub(super) fn slow_reader() -> Self {
        Self::new(CloseReason::TimedOut, CloseCode::Again, "too slow: connect again")
    }

    pub(super) fn too_many_messages() -> Self {
        Self::new(CloseReason::TooManyMessages, CloseCode::Policy, TOO_MANY_MESSAGES)
    }

    pub(super) fn not_utf8() -> Self {
        Self::new(CloseReason::ProtocolError, CloseCode::Invalid, NOT_UTF8)
    }

    fn new(reason: CloseReason, code: CloseCode, description: &str) -> Self {
        let frame = CloseFrame { code, description: Some(description.to_owned()) };
        Self { reason, frame: Some(frame) }
    }
}

impl From<&ProtocolError> for Close {
    fn from(error: &ProtocolError) -> Self {
        match (CloseReason::from(error), error) {
            (CloseReason::ClientClosed, _) => Self::by_client(None),
            (CloseReason::MessageTooLarge, _) => Violation::TooLarge.into(),
            (reason, ProtocolError::Io(_)) => Self::new(reason, CloseCode::Invalid, NOT_UTF8),
            (reason, error) => Self::new(reason, CloseCode::Protocol, &error.to_string()),
        }
    }
}

impl From<Violation> for Close {
    fn from(violation: Violation) -> Self {
        let (code, description) = match violation {
            Violation::TooLarge => (CloseCode::Size, "message too large"),
            Violation::TooManyFrames => (CloseCode::Policy, TOO_MANY_MESSAGES),
            Violation::TooSlow => (CloseCode::Policy, "message too slow"),
            Violation::MemoryExceeded => (CloseCode::Again, SERVER_BUSY),
            Violation::ReservedBits => (CloseCode::Protocol, "reserved bits must not be set"),
        };
        Self::new(violation.into(), code, description)
    }
}
