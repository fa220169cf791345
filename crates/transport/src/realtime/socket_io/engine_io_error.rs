//! The errors of Engine.IO, which are identified by numeric codes.

use thiserror::Error;

/// The reason why Engine.IO rejected a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EngineIoError {
    /// The transport is neither polling nor WebSocket.
    #[error("Transport unknown")]
    UnknownTransport,
    /// The session doesn't exist or belongs to another browser.
    #[error("Session ID unknown")]
    UnknownSid,
    /// A session must be opened by a GET.
    #[error("Bad handshake method")]
    BadHandshakeMethod,
    /// The request violates the protocol, or is not allowed in the session's current state.
    #[error("Bad request")]
    BadRequest,
    /// The request was sent by a page of an origin that is not allowed.
    #[error("This page's origin is not allowed. Add it to ALLOWED_ORIGINS if it should be.")]
    Forbidden,
    /// Only revision 4 of Engine.IO is supported.
    #[error("Unsupported protocol version")]
    UnsupportedProtocolVersion,
}

impl EngineIoError {
    /// Returns the error's code in the protocol.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::UnknownTransport => 0,
            Self::UnknownSid => 1,
            Self::BadHandshakeMethod => 2,
            Self::BadRequest => 3,
            Self::Forbidden => 4,
            Self::UnsupportedProtocolVersion => 5,
        }
    }
}
