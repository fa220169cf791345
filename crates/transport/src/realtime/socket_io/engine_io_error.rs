use thiserror::Error;

/// Why Engine.IO refuses a request: the protocol's errors, with their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Neither polling nor WebSocket.
    #[error("Transport unknown")]
    UnknownTransport,
    /// No such session, or it is somebody else's.
    #[error("Session ID unknown")]
    UnknownSid,
    /// A session begins with a GET.
    #[error("Bad handshake method")]
    BadHandshakeMethod,
    /// Something that the protocol does not allow, or not at this time.
    #[error("Bad request")]
    BadRequest,
    /// The browser's page comes from elsewhere.
    #[error("This page's origin is not allowed. Add it to ALLOWED_ORIGINS if it should be.")]
    Forbidden,
    /// Another revision of Engine.IO than the fourth.
    #[error("Unsupported protocol version")]
    UnsupportedProtocolVersion,
}

impl Refusal {
    /// Its number in the protocol.
    #[must_use]
    pub fn number(self) -> u8 {
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
